"""The page's view for photos that others bring, driven in a browser."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image as Pillow

import whence
from browsers import BROWSER, Browser, choose, complaints, found, opened, told, until
from samples import World, textured
from web_servers import Server, started
from whence.types import LatLon

pytest.importorskip("selenium.webdriver")
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By

pytestmark = [pytest.mark.slow, BROWSER]


@pytest.fixture
def gallery(world: World, tmp_path: Path) -> Path:
    shutil.copytree(world.gallery, tmp_path / "g")
    return tmp_path / "g"


@pytest.fixture
def taking(gallery: Path, tmp_path: Path) -> Iterator[Server]:
    with started(gallery, "--contributions", tmp_path / "brought") as server:
        yield server


def test_photos_are_brought_pinned_and_decided_on(
    chromium: Browser, taking: Server, world: World, gallery: Path, tmp_path: Path
) -> None:
    chromium.set_window_size(1280, 900)
    opened(chromium, taking.address, "#contribute")
    told(chromium, ".review", "Nothing waits for a decision")
    Pillow.fromarray(textured(5, 640, 480)).save(tmp_path / "wall.png")
    copy = min(world.photos.glob("*.jpg"))
    choose(chromium, copy, tmp_path / "wall.png")
    told(chromium, ".one .badge", "Where was it taken?")
    field = found(chromium, ".placing input")
    field.send_keys("nowhere")
    told(chromium, ".placing button", "Send it").click()
    told(chromium, ".placing .problem", "Expected two numbers")
    chart = found(chromium, ".map")
    ActionChains(chromium).move_to_element_with_offset(chart, 150, 40).click().perform()
    until(chromium, lambda: "," in field.get_attribute("value"))
    lat, lon = map(float, field.get_attribute("value").split(","))
    told(chromium, ".placing button", "Send it").click()
    told(chromium, ".one .badge", "Refused")
    told(chromium, ".one .soft", f"Same content as {copy.name}.")
    told(chromium, ".one .badge", "A person will look at it")
    card = told(chromium, ".waits", "Nothing in the gallery surely shows this place")
    until(
        chromium, lambda: chromium.execute_script("return arguments[0].querySelector('img').naturalWidth", card) == 640
    )
    chromium.execute_script("arguments[0].focus()", card)
    found(chromium, ".pin.unsure")
    chromium.switch_to.active_element.send_keys("a")
    told(chromium, ".review", "Nothing waits any more")
    until(chromium, lambda: len(whence.Gallery.open(gallery)) == len(whence.Gallery.open(world.gallery)) + 1)
    (new,) = [photo for photo in whence.Gallery.open(gallery).photos if photo.position_source == "pin"]
    assert isinstance(new.position, LatLon)
    assert (new.position.lat, new.position.lon) == pytest.approx((lat, lon), abs=1e-6)
    assert not chromium.find_elements(By.CSS_SELECTOR, ".waits")
    assert complaints(chromium) == []


def test_only_reviewers_see_the_queue(chromium: Browser, gallery: Path, tmp_path: Path) -> None:
    folder = tmp_path / "brought"
    with started(gallery, "--contributions", folder, WHENCE_REVIEW_TOKEN="what reviewers know") as server:
        opened(chromium, server.address, "#contribute")
        found(chromium, ".review a").click()
        found(chromium, "#token, input[type=password]").send_keys("what reviewers know")
        found(chromium, "button").click()
        found(chromium, ".whence[data-ready]")
        chromium.get(f"{server.address}/#contribute")
        told(chromium, ".review", "Nothing waits for a decision")
    chromium.delete_all_cookies()


def test_no_view_where_none_are_taken(page: Browser) -> None:
    assert "Contribute" not in [link.text for link in page.find_elements(By.CSS_SELECTOR, "nav a")]
