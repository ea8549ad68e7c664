"""How soon the page shows a gallery of many photos, and how smoothly its map moves.

Makes a gallery of so many photos along streets that lead nowhere, with one picture for all of them, serves it, and
drives a browser without a window (chromium and chromedriver have to be installed): seconds until the dots are there,
and milliseconds from frame to frame while the map is dragged, with all photos in view and closer. Drawing is by the
processor, for there is no screen; a browser with one is faster.
"""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

import whence
from common import heading, parser, show, work_folder
from serving import served
from whence.gallery.storage import load_lancedb
from whence.worlds import Town, write_photo

VIEWS = {"Locate": "", "Browse": "#browse"}
CLOSER = 3
"""Presses of the button, from one row to the next."""
TOWNS, STREETS, STEP_M = 40, 10, 8.0
_CHUNK = 20_000
_WAIT_S = 120
_LISTEN = """
window.frames = [];
let last = performance.now();
const frame = (now) => { frames.push(now - last); last = now; window.asked = requestAnimationFrame(frame); };
window.asked = requestAnimationFrame(frame);
"""


def main() -> None:
    """Prints the table."""
    arguments = parser(__doc__)
    arguments.add_argument("--photos", type=int, default=100_000)
    args = arguments.parse_args()
    heading("The page of a large gallery")
    with work_folder(args.work) as work:
        gallery = many_photos(work, args.photos)
        with served(gallery) as (address, _):
            rows = [row for view in VIEWS for row in _rows(address, view)]
        title = f"{len(whence.Gallery.open(gallery)):,} photos; milliseconds from frame to frame"
        show(title, ("view", "zoom", "dots after, s", "p50", "p95", "most"), rows)


def many_photos(work: Path, count: int) -> Path:
    """A gallery of ``count`` photos, of which only the positions, times and hashes differ."""
    gallery, seed = work / "many", work / "seed"
    shutil.rmtree(gallery, ignore_errors=True)
    seed.mkdir(parents=True, exist_ok=True)
    town = Town(1, (1, 1))
    view = next(iter(town.survey(20.0)))
    write_photo(seed / "photo.jpg", town.render(view, 320, 240), town.geolocate(view))
    whence.index(seed, gallery, recipe="phash-sift")
    database, random = load_lancedb().connect(gallery), np.random.default_rng(0)
    positions = streets(count, random)
    days = random.integers(0, 3650, count)
    for name in ("photos", "descriptors"):
        table = database.open_table(name)
        first = table.to_arrow().slice(0, 1)
        table.delete("hash != ''")
        for start in range(0, count, _CHUNK):
            rows = range(start, min(start + _CHUNK, count))
            part = first.take(pa.array(np.zeros(len(rows), np.int64)))
            fresh: dict[str, Any] = {"hash": [f"{row:032x}" for row in rows]}
            if name == "photos":
                times = np.datetime64("2015-01-01", "us") + days[rows.start : rows.stop].astype("timedelta64[D]")
                fresh |= {"path": [f"photos/{row:06d}.jpg" for row in rows], "time": times}
                fresh |= {"lat": positions[rows.start : rows.stop, 0], "lon": positions[rows.start : rows.stop, 1]}
                fresh |= {"features": [b""] * len(rows), "feature_count": np.zeros(len(rows), np.int32)}
            for column, values in fresh.items():
                place = part.schema.get_field_index(column)
                field = part.schema.field(column)
                part = part.set_column(place, field, pa.array(values, field.type))
            table.add(part)
    return gallery


def streets(count: int, random: np.random.Generator) -> Any:
    """``(count, 2)`` latitudes and longitudes: towns of streets, along which somebody took photos."""
    towns = random.normal((59.3, 18.0), (0.08, 0.16), (TOWNS, 2))
    length = -(-count // (TOWNS * STREETS))
    found = []
    for town in towns:
        for _ in range(STREETS):
            begin = town + random.normal(0, (0.006, 0.012))
            heading_rad = random.uniform(0, 2 * np.pi) + random.normal(0, 0.05, length).cumsum()
            steps = np.column_stack([np.cos(heading_rad), np.sin(heading_rad) / np.cos(np.radians(begin[0]))])
            found.append(begin + (STEP_M / 111_320 * steps).cumsum(axis=0))
    return np.concatenate(found)[:count]


def _rows(address: str, view: str) -> list[tuple[str, ...]]:
    browser = _browser()
    try:
        browser.get(f"{address}{VIEWS[view]}")
        WebDriverWait(browser, _WAIT_S).until(
            lambda driver: driver.find_elements(By.CSS_SELECTOR, ".whence[data-ready]")
        )
        ready = browser.execute_script("return performance.now() / 1000")
        rows: list[tuple[str, ...]] = []
        for closer in range(3):
            time.sleep(1.5)  # the map comes to rest
            frames = np.array(_dragged(browser)[1:])
            middle, late = np.quantile(frames, (0.5, 0.95))
            shown = f"{ready:.1f}" if not closer else ""
            rows.append((view, f"+{CLOSER * closer}", shown, f"{middle:.0f}", f"{late:.0f}", f"{frames.max():.0f}"))
            for _ in range(CLOSER):
                browser.find_element(By.CSS_SELECTOR, ".leaflet-control-zoom-in").click()
                time.sleep(0.5)
        return rows
    finally:
        browser.quit()


def _dragged(browser: Any) -> list[float]:
    """Times between frames while the map is moved a little, 25 times."""
    browser.execute_script(_LISTEN)
    chart = browser.find_element(By.CSS_SELECTOR, ".map")
    drag = ActionChains(browser, duration=16).move_to_element_with_offset(chart, 200, 0).click_and_hold()
    for _ in range(25):
        drag.move_by_offset(-6, 3)
    drag.release().perform()
    found: list[float] = browser.execute_script("cancelAnimationFrame(asked); return frames")
    return found


def _browser() -> Any:
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or shutil.which("google-chrome") or ""
    for word in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(word)
    browser = webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which("chromedriver")))
    browser.set_window_size(1280, 900)
    return browser


if __name__ == "__main__":
    main()
