"""The page where it changes something: photos that get their positions, photos that are deleted, wrong pins."""

from __future__ import annotations

import io
import shutil
import zipfile
from base64 import b64decode, b64encode
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow
from selenium.webdriver.common.actions.action_builder import ActionBuilder
from selenium.webdriver.common.keys import Keys

import whence
from browsers import BROWSER, Browser, choose, complaints, found, has_pixels, opened, told, until
from large_page import many_photos
from samples import World
from web_servers import started
from whence.geo.distance import offset
from whence.photos.decode import read_facts
from whence.photos.xmp import read_xmp
from whence.types import LatLon

pytestmark = [pytest.mark.slow, BROWSER]


def pixels(data: bytes) -> Any:
    return np.asarray(Pillow.open(io.BytesIO(data)).convert("RGB"))


def position_in(data: bytes) -> LatLon:
    found = read_facts(data).position
    assert found is not None
    return LatLon(found.lat, found.lon)


def accepted(page: Browser, *paths: Path) -> None:
    """A batch, all of it accepted by keyboard, and the window that writes it back."""
    choose(page, *paths)
    told(page, ".many .lead", f"{len(paths)} photos: ")
    found(page, ".batch tbody tr").click()
    for _ in paths:
        page.switch_to.active_element.send_keys("a")
    told(page, ".many .lead", f"{len(paths)} accepted")
    page.switch_to.active_element.send_keys("w")
    told(page, "dialog[open] h2", f"Write {len(paths)} positions")


def press(page: Browser, words: str) -> None:
    told(page, "dialog[open] button", words).click()


def test_accepted_positions_come_back_in_copies(page: Browser, sure: list[Path], world: World, tmp_path: Path) -> None:
    tiff = tmp_path / f"{sure[2].stem}.tif"
    with Pillow.open(sure[2]) as image:
        image.save(tiff)
    accepted(page, sure[0], sure[1], tiff)
    press(page, "Download copies")
    told(page, "dialog[open] [role=status]", "3 photos in located.zip")
    assert "sidecar" in found(page, "dialog[open] .left li").text
    file = page.downloads / "located.zip"
    until(page, file.exists)
    with zipfile.ZipFile(file) as copies:
        assert copies.testzip() is None
        assert sorted(copies.namelist()) == sorted([sure[0].name, sure[1].name, f"{tiff.name}.xmp"])
        for path in sure[:2]:
            new = copies.read(path.name)
            assert np.array_equal(pixels(new), pixels(path.read_bytes()))
            assert offset(position_in(new), world.truth[path.name])[0] <= 25
        assert read_xmp(copies.read(f"{tiff.name}.xmp"))[0].position is not None


def test_a_folder_is_a_batch(page: Browser, sure: list[Path], tmp_path: Path) -> None:
    page.find_element("css selector", "nav a[href='#batch']").click()
    for name in ("empty", "full"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "notes.txt").write_text("no photo")
    page.find_element("id", "folder").send_keys(str(tmp_path / "empty"))
    told(page, "#view-batch .problem", "no photo in that folder")
    for path in sure[:2]:
        shutil.copy(path, tmp_path / "full")
    page.find_element("id", "folder").send_keys(str(tmp_path / "full"))
    told(page, ".many .lead", "2 photos: 2 located")
    assert found(page, "#view-batch .problem").text == ""


PUT = """
const [files, done] = arguments;
(async () => {
  const root = await navigator.storage.getDirectory();
  const folder = await root.getDirectoryHandle("holiday", { create: true });
  for (const [name, data] of Object.entries(files)) {
    const stream = await (await folder.getFileHandle(name, { create: true })).createWritable();
    await stream.write(Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0)));
    await stream.close();
  }
  globalThis.showDirectoryPicker = async () => root;
})().then(() => done(null), (error) => done(String(error)));
"""
"""A folder of the browser's own, in the place of one of the reader's: choosing a real one takes a hand."""
LIST = """
const [done] = arguments, found = {};
const walk = async (folder, path) => {
  for await (const [name, handle] of folder.entries()) {
    if (handle.kind === "directory") await walk(handle, `${path}${name}/`);
    else {
      const data = new Uint8Array(await (await handle.getFile()).arrayBuffer());
      found[path + name] = btoa(String.fromCharCode(...data));
    }
  }
};
navigator.storage.getDirectory().then((root) => walk(root, "")).then(() => done(found), (error) => done(String(error)));
"""


def test_accepted_positions_are_written_into_a_folder_and_taken_back(
    page: Browser, sure: list[Path], world: World
) -> None:
    there = {path.name: path.read_bytes() for path in sure[:2]}
    names = sorted(there)
    changed = sure[2].read_bytes()
    files = {name: b64encode(data).decode() for name, data in [*there.items(), (sure[2].name, changed + b"\0")]}
    assert page.execute_async_script(PUT, files) is None

    def folder() -> dict[str, bytes]:
        listed = page.execute_async_script(LIST)
        return {name: b64decode(data) for name, data in listed.items()}

    accepted(page, *sure[:3])
    press(page, "Write into a folder")
    told(page, "dialog[open] [role=status]", "2 positions written")
    assert "is another one" in told(page, "dialog[open] .left li", sure[2].name).text
    after = folder()
    for name in names:
        new, kept = (
            after[f"holiday/{name}"],
            next(
                data
                for path, data in after.items()
                if path.endswith(f"/{name}") and path.startswith("whence-originals")
            ),
        )
        assert kept == there[name]
        assert np.array_equal(pixels(new), pixels(there[name]))
        assert offset(position_in(new), world.truth[name])[0] <= 25
    assert after[f"holiday/{sure[2].name}"] == changed + b"\0"
    press(page, "Take it back")
    told(page, "dialog[open] [role=status]", "Everything is as it was")
    assert folder() == {f"holiday/{name}": b64decode(data) for name, data in files.items()}
    page.switch_to.active_element.send_keys(Keys.ESCAPE)
    for row in page.find_elements("css selector", ".batch tbody tr")[:2]:  # the page still shows what it may read
        until(page, partial(has_pixels, row.find_element("css selector", "img")))


def test_a_photo_is_deleted_once_it_was_named(chromium: Browser, world: World, tmp_path: Path) -> None:
    folder = tmp_path / "gallery"
    shutil.copytree(world.gallery, folder)
    before = len(whence.Gallery.open(folder))
    with started(folder, "--allow-changes") as one:
        opened(chromium, one.address, "#browse")
        found(chromium, ".thumb").click()
        name = found(chromium, ".chosen h3").text
        told(chromium, ".chosen button", "Delete").click()
        assert name in told(chromium, "dialog[open] h2", "Delete").text
        assert chromium.switch_to.active_element.text == "Keep it"
        chromium.switch_to.active_element.send_keys(Keys.ENTER)
        until(chromium, lambda: not chromium.find_elements("css selector", "dialog[open]"))
        assert len(whence.Gallery.open(folder)) == before
        told(chromium, ".chosen button", "Delete").click()
        press(chromium, "Delete")
        told(chromium, ".chosen", f"{name} was deleted")
        told(chromium, "#view-browse h2", f"{before - 1} photos")
        assert complaints(chromium) == []
    assert name not in [Path(photo.path).name for photo in whence.Gallery.open(folder).photos]


CLUSTERS = """
const [count, done] = arguments;
import("/page/files/clusters.js").then(({ clusters }) => {
  const x = Float64Array.from({ length: count }, (_, i) => (i * 0.618034) % 1), y = x.map((value) => (value * 37) % 1);
  const some = clusters([...x.keys()], x, y, 256);
  const off = (cell) => Math.max(...cell.rows.map((i) => Math.abs(x[i] - cell.x)));
  done(some.map((cell) => [cell.count, new Set(cell.rows).size, off(cell)]));
}, (error) => done(String(error)));
"""
POINTERS = """
const map = document.querySelector(".map"), box = map.getBoundingClientRect(), found = [];
for (let x = box.left + 450; x < box.right - 90; x += 12)
  for (let y = box.top + 20; y < box.bottom - 90; y += 12) {
    map.dispatchEvent(new MouseEvent("mousemove", { clientX: x, clientY: y, bubbles: true }));
    if (map.style.cursor === "zoom-in") found.push([x, y]);
  }
return found;
"""


def test_what_lies_close_together_is_counted(page: Browser) -> None:
    assert page.execute_async_script(CLUSTERS, 300) == []  # few are told apart
    cells = page.execute_async_script(CLUSTERS, 5000)
    assert sum(count for count, _, _ in cells) > 4900  # one or two alone stay dots
    assert all(count == different for count, different, _ in cells)
    assert all(off <= 96 / 256 for _, _, off in cells)


def test_a_number_is_looked_at_more_closely(chromium: Browser, tmp_path: Path) -> None:
    with started(many_photos(tmp_path, 3000)) as one:
        opened(chromium, one.address, "#browse")
        told(chromium, "#view-browse h2", "3,000 photos")
        found(chromium, ".thumb")

        def scale() -> str:
            said: str = chromium.find_element("css selector", ".leaflet-control-scale-line").text
            return said

        before = scale()
        x, y = chromium.execute_script(POINTERS)[0]
        hand: Any = ActionBuilder(chromium)
        hand.pointer_action.move_to_location(round(x), round(y)).click()
        hand.perform()
        until(chromium, lambda: scale() != before)
        assert complaints(chromium) == []


def test_deleting_is_not_offered_where_nothing_may_change(page: Browser) -> None:
    page.find_element("css selector", "nav a[href='#browse']").click()
    found(page, ".thumb").click()
    found(page, ".chosen h3")
    assert page.find_elements("css selector", ".chosen button") == []


def test_wrong_pins_are_gone_through_with_their_evidence(page: Browser) -> None:
    page.find_element("css selector", "nav a[href='#browse']").click()
    told(page, ".audit button", "Look for wrong pins").click()
    told(page, ".audit button", "Look again")
    page.find_element("css selector", ".finding").click()
    found(page, ".spot.doubted")
    found(page, ".witnesses .card").click()
    dialog = told(page, "dialog[open]", "matching point")
    counts = [
        len(lens.find_elements("css selector", "circle")) for lens in dialog.find_elements("css selector", ".lens")
    ]
    assert counts[0] == counts[1] > 0
    page.switch_to.active_element.send_keys(Keys.ESCAPE)
