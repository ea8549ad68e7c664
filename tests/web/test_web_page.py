"""The page, driven in a browser against a real server."""

from __future__ import annotations

import json
import os
import time
from base64 import b64encode
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from PIL import Image as Pillow
from PIL.PngImagePlugin import PngInfo
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

import whence
from browsers import BROWSER, Browser, choose, found, has_pixels, opened, told, until
from samples import World, textured
from web_servers import Server, started
from whence.geo.distance import offset
from whence.photos.decode import read_facts
from whence.types import LatLon
from whence.web.guard import COOKIE

pytestmark = [pytest.mark.slow, BROWSER]
TOKEN = "a token that nobody guesses"


def position(browser: Browser) -> LatLon:
    """What "open in" leads to."""
    link = found(browser, "a.geo").get_attribute("href")
    lat, lon = link.removeprefix("geo:").partition("?")[0].split(",")
    return LatLon(float(lat), float(lon))


def test_a_photo_chosen_is_answered_on_the_map(page: Browser, sure: list[Path], world: World) -> None:
    choose(page, sure[0])
    told(page, ".badge", "Located")
    assert offset(position(page), world.truth[sure[0].name])[0] <= 25
    assert found(page, ".leaflet-overlay-pane path.circle.sure")
    assert found(page, ".pin.sure")
    assert page.switch_to.active_element.tag_name == "h2"  # where a screen reader goes on
    assert "Located" in found(page, "#said").get_attribute("textContent")
    until(page, partial(has_pixels, found(page, ".asked")))


def test_evidence_is_linked_and_can_be_zoomed(page: Browser, sure: list[Path]) -> None:
    choose(page, sure[0])
    card = found(page, ".card")
    ActionChains(page).move_to_element(card).perform()
    found(page, ".candidate.lit")
    card.click()
    dialog = told(page, "dialog[open]", "matching point")
    here, there = dialog.find_elements(By.CSS_SELECTOR, ".lens")
    counts = [len(lens.find_elements(By.TAG_NAME, "circle")) for lens in (here, there)]
    assert counts[0] == counts[1] == int(dialog.find_element(By.TAG_NAME, "h2").text.split()[0])
    for image in dialog.find_elements(By.CSS_SELECTOR, ".lens img"):
        until(page, partial(has_pixels, image))
    ActionChains(page).move_to_element(here.find_elements(By.TAG_NAME, "circle")[3]).perform()
    found(page, ".lens circle.lit")
    assert len(dialog.find_elements(By.CSS_SELECTOR, "circle.lit")) == 2  # one here, its partner there
    assert found(page, ".link.on")
    wide = "return document.querySelector('.lens .points').getBoundingClientRect().width"
    before = page.execute_script(wide)
    here.send_keys("+")
    assert page.execute_script(wide) == pytest.approx(1.5 * before, rel=0.01)
    page.switch_to.active_element.send_keys(Keys.ESCAPE)
    WebDriverWait(page, 5).until(lambda driver: not driver.find_elements(By.CSS_SELECTOR, "dialog[open]"))


PUT = """
const [kind, name, data] = arguments;
const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
const transfer = new DataTransfer();
transfer.items.add(new File([bytes], name, { type: "image/jpeg" }));
if (kind === "paste") document.dispatchEvent(new ClipboardEvent("paste", { clipboardData: transfer, bubbles: true }));
else for (const each of ["dragenter", "dragover", "drop"])
  document.dispatchEvent(new DragEvent(each, { dataTransfer: transfer, bubbles: true, cancelable: true }));
"""


@pytest.mark.parametrize("kind", ["paste", "drop"])
def test_a_photo_comes_by_paste_and_by_drop(page: Browser, sure: list[Path], kind: str) -> None:
    page.execute_script(PUT, kind, "came.jpg", b64encode(sure[1].read_bytes()).decode())
    told(page, ".badge", "Located")
    assert "came.jpg" in found(page, ".asked").get_attribute("alt")


def test_a_marker_is_put_right_by_mouse_and_by_keyboard(page: Browser, sure: list[Path]) -> None:
    choose(page, sure[0])
    told(page, ".badge", "Located")
    was = position(page)
    time.sleep(0.6)  # the map comes to rest
    ActionChains(page).drag_and_drop_by_offset(found(page, ".pin"), 60, -40).perform()
    told(page, ".words", "You put the marker here")
    dragged = position(page)
    assert dragged.lat > was.lat
    assert dragged.lon > was.lon
    found(page, ".pin").send_keys(Keys.ARROW_DOWN)
    assert position(page).lat < dragged.lat
    told(page, ".actions button", "Undo the move").click()
    assert position(page) == was


def test_downloads(page: Browser, sure: list[Path]) -> None:
    choose(page, sure[0])
    told(page, ".badge", "Located")
    for words, name in {
        "GeoJSON": "positions.geojson",
        "GPX": "positions.gpx",
        "KML": "positions.kml",
        "XMP sidecar": "positions.zip",
        "Explanation (HTML)": "explanation.html",
    }.items():
        told(page, ".menu summary", "Download").click()
        told(page, ".menu-list button", words).click()
        file = page.downloads / name
        until(page, file.exists)
        assert file.stat().st_size > 100
    feature = json.loads((page.downloads / "positions.geojson").read_text())["features"][0]
    lon, lat = feature["geometry"]["coordinates"][:2]
    assert offset(LatLon(lat, lon), position(page))[0] < 0.5


def test_unsure_is_said_plainly(page: Browser, tmp_path: Path) -> None:
    Pillow.fromarray(textured(5)).save(tmp_path / "x.png")
    choose(page, tmp_path / "x.png")
    told(page, ".badge", "Unsure")
    assert found(page, ".verdict").text == "whence is not sure"
    assert found(page, ".pin.unsure")
    assert found(page, ".candidates h3").text == "It may be one of these"


def test_errors_are_words_with_what_to_do(page: Browser, server: Server, tmp_path: Path) -> None:
    (tmp_path / "letter.jpg").write_bytes(b"Dear Sir or Madam")
    choose(page, tmp_path / "letter.jpg")
    assert "expected JPEG" in told(page, ".answer [role=alert]", "").text
    page.execute_script("window.XMLHttpRequest = class extends XMLHttpRequest { send() { this.onerror(); } }")
    told(page, ".actions button", "Try again").click()
    assert told(page, ".answer [role=alert]", "does not answer")


def test_a_batch_is_gone_through_by_keyboard(page: Browser, sure: list[Path], tmp_path: Path) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"broken")
    choose(page, *sure[:3], tmp_path / "broken.jpg")
    told(page, ".many .lead", "4 photos: 3 located")
    rows = page.find_elements(By.CSS_SELECTOR, ".batch tbody tr")
    shares = [row.find_element(By.CSS_SELECTOR, ".number").text.rstrip("\u00a0 %").lstrip("<>") for row in rows]
    assert [int(share) for share in shares[:3]] == sorted(map(int, shares[:3]), reverse=True)
    assert "Not a photo" in rows[3].text
    told(page, ".menu summary", "Download").click()
    told(page, ".menu-list button", "CSV").click()
    assert told(page, ".problem", "No photo is accepted yet")
    rows[0].send_keys("a")
    page.switch_to.active_element.send_keys("r")
    page.switch_to.active_element.send_keys("a")
    assert told(page, ".many .lead", "2 accepted")
    assert [("accept" in row.get_attribute("class"), "refuse" in row.get_attribute("class")) for row in rows] == [
        (True, False),
        (False, True),
        (True, False),
        (False, False),
    ]
    rows[0].send_keys(Keys.ENTER)
    found(page, "dialog[open]").find_element(By.CSS_SELECTOR, "header button").click()
    told(page, ".menu summary", "Download").click()
    told(page, ".menu-list button", "CSV").click()
    file = page.downloads / "positions.csv"
    until(page, file.exists)
    names = [row.find_element(By.CSS_SELECTOR, ".file").text for row in rows]
    text = file.read_text()
    assert names[0] in text
    assert names[1] not in text
    assert names[2] in text


def test_the_gallery_is_browsed_and_filtered(page: Browser, server: Server, world: World) -> None:
    count = len(whence.Gallery.open(world.gallery))
    opened(page, server.address, "#browse")
    assert told(page, "#view-browse h2", f"{count} photos")
    told(page, "#view-browse .filters", "All of them")
    found(page, ".thumb").click()
    assert "Position" in told(page, ".chosen", "Told by").text
    page.execute_script(
        "const since = document.getElementById('since'); since.value = '2090-01-01'; "
        "since.dispatchEvent(new Event('change'));"
    )
    assert told(page, "#view-browse .filters", "widen the dates")
    WebDriverWait(page, 10).until(lambda driver: not driver.find_elements(By.CSS_SELECTOR, ".thumb"))


def test_no_other_server_is_asked_and_little_said(page: Browser, server: Server, sure: list[Path]) -> None:
    page.get_log("performance")
    opened(page, server.address)
    choose(page, sure[0])
    found(page, ".card").click()
    found(page, "dialog[open]")
    messages = [json.loads(entry["message"])["message"] for entry in page.get_log("performance")]
    asked = {
        urlsplit(message["params"]["request"]["url"]).netloc
        for message in messages
        if message["method"] == "Network.requestWillBeSent" and message["params"]["request"]["url"].startswith("http")
    }
    assert asked == {urlsplit(server.address).netloc}
    assert page.get_cookies() == []


def test_what_a_photo_says_of_itself_does_not_come_back(page: Browser, server: Server, sure: list[Path]) -> None:
    with httpx.Client(base_url=server.api, timeout=60) as http:
        data = {"photo": ("/home/me/secret/holiday.png", _telling(sure[0]))}
        id = http.post("/explanations", files=data).json()["id"]
        while (facts := http.get(f"/explanations/{id}").json())["stage"] != "done":
            time.sleep(0.1)
        assert facts["answer"]["path"] == "holiday.png"
        picture = http.get(f"/explanations/{id}/photo").content
        assert picture.startswith(b"\xff\xd8")
        assert b"my address" not in picture
        assert b"Exif" not in picture
        assert http.delete(f"/explanations/{id}").status_code == 204
        assert http.get(f"/explanations/{id}/photo").status_code == 404


def _telling(path: Path) -> bytes:
    import io

    said, stream = PngInfo(), io.BytesIO()
    said.add_text("Comment", "my address")
    with Pillow.open(path) as image:
        image.save(stream, "PNG", pnginfo=said)
    return stream.getvalue()


def test_a_token_is_asked_for_by_a_form(chromium: Browser, world: World, sure: list[Path]) -> None:
    with started(world.gallery, WHENCE_TOKEN=TOKEN) as one:
        chromium.get(one.address)
        field = found(chromium, "#token")
        assert urlsplit(chromium.current_url).path == "/login"
        field.send_keys("a wrong token of some length", Keys.ENTER)
        assert told(chromium, "[role=alert]", "not the token")
        found(chromium, "#token").send_keys(TOKEN, Keys.ENTER)
        found(chromium, ".whence[data-ready]")
        cookie = next(cookie for cookie in chromium.get_cookies() if cookie["name"] == COOKIE)
        assert cookie["httpOnly"]
        assert cookie["sameSite"] == "Strict"
        choose(chromium, sure[0])
        told(chromium, ".badge", "Located")
        chromium.delete_all_cookies()
        with httpx.Client(base_url=one.address) as http:
            refused = http.get("/", headers={"Accept": "application/json"})
            assert refused.status_code == 401
            assert http.get("/page/files/page.css").status_code == 401


def test_a_plan_lies_under_its_plane(chromium: Browser, world: World, tmp_path: Path) -> None:
    Pillow.new("RGB", (400, 300), "white").save(tmp_path / "plan.png")
    points = ("--plan-point", "0,300=0,0", "--plan-point", "400,300=80,0")
    with started(world.plan, "--plan", tmp_path / "plan.png", *points) as one:
        opened(chromium, one.address)
        plan = found(chromium, "img.plan")
        assert plan.get_property("naturalWidth") == 400
        assert "matrix" in plan.get_attribute("style")
        choose(chromium, world.queries / min(world.truth))
        assert found(chromium, ".answer")
        assert chromium.find_elements(By.CSS_SELECTOR, "a.geo") == []


@pytest.mark.parametrize("width", [390, 1024, 1920])
def test_nothing_is_wider_than_the_window(page: Browser, sure: list[Path], width: int) -> None:
    page.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": width, "height": 844, "deviceScaleFactor": 1, "mobile": False}
    )
    try:
        choose(page, sure[0])
        told(page, ".badge", "Located")
        for view in ("locate", "browse", "batch"):
            found(page, f"nav a[href='#{view}']").click()
            wide = page.execute_script(
                "return [document.querySelector('.panel').scrollWidth - document.querySelector('.panel').clientWidth, "
                "document.documentElement.scrollWidth - innerWidth]"
            )
            assert max(wide) <= 0
    finally:
        page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_all_that_can_be_pressed_has_a_name(page: Browser, sure: list[Path]) -> None:
    choose(page, sure[0])
    found(page, ".card")
    nameless = page.execute_script(
        "return [...document.querySelectorAll('.whence :is(button, a[href], summary, input:not([hidden]))')]"
        ".filter(e => !(e.getAttribute('aria-label') || e.textContent.trim() || e.labels?.length || e.title))"
        ".map(e => e.outerHTML)"
    )
    assert nameless == []
    assert page.execute_script("return document.querySelectorAll('main, [role=main]').length") == 1


JUMPS = """
window.jumps = [];
new PerformanceObserver((list) => {
  for (const entry of list.getEntries())
    if (!entry.hadRecentInput) jumps.push([entry.value, entry.sources.map((one) => one.node?.className ?? "")]);
}).observe({ type: "layout-shift", buffered: true });
"""


@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_jumps(page: Browser, sure: list[Path], width: int) -> None:
    size = {"width": width, "height": 844, "deviceScaleFactor": 1, "mobile": False}
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        opened(page, page.current_url.partition("#")[0].rstrip("/"))
        page.execute_script(JUMPS)
        choose(page, sure[0])
        found(page, ".card")
        until(page, partial(has_pixels, found(page, ".asked")))
        page.find_element(By.CSS_SELECTOR, "nav a[href='#browse']").click()
        found(page, ".thumb")
        choose(page, *sure[:3])
        told(page, ".many .lead", "3 photos: 3 located")
        jumps = page.execute_script("return jumps")
        assert sum(value for value, _ in jumps) < 0.1, jumps  # what is called good, https://web.dev/articles/cls
    finally:
        page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


@pytest.mark.photos
@pytest.mark.skipif(not os.environ.get("WHENCE_DATA"), reason="WHENCE_DATA does not name the folder with real photos")
def test_real_photos_of_a_street(chromium: Browser, tmp_path: Path) -> None:
    photos = sorted((Path(os.environ["WHENCE_DATA"]) / "lund" / "images").glob("*.jpg"))
    asked, known = photos[4], tmp_path / "known"
    known.mkdir()
    for photo in photos:
        if photo != asked:
            (known / photo.name).write_bytes(photo.read_bytes())
    whence.index(known, tmp_path / "gallery")
    truth = read_facts(asked.read_bytes()).position
    assert truth is not None
    with started(tmp_path / "gallery") as one:
        opened(chromium, one.address)
        choose(chromium, asked)
        told(chromium, ".badge", "Located")
        assert offset(position(chromium), LatLon(truth.lat, truth.lon))[0] <= 25
        found(chromium, ".card").click()
        assert told(chromium, "dialog[open] h2", "matching points")
