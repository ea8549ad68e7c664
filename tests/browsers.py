"""A browser, and how tests wait for what it shows."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

webdriver = pytest.importorskip("selenium.webdriver")
from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.support.ui import WebDriverWait  # noqa: E402

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome") or shutil.which("chromium-browser")
DRIVER = shutil.which("chromedriver")
BROWSER = pytest.mark.skipif(
    not (CHROMIUM and DRIVER), reason="needs chromium and chromedriver (Debian: chromium-driver)"
)
WAIT_S = 60
Browser = Any
"""A driver of Selenium."""


def chromium_in(downloads: Path) -> Browser:
    """Starts one, without a window."""
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM or ""
    for word in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(word)
    options.add_experimental_option("prefs", {"download.default_directory": str(downloads)})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    driver.downloads = downloads
    return driver


def opened(browser: Browser, address: str, view: str = "") -> None:
    browser.get("about:blank")
    browser.get_log("browser")
    browser.get(f"{address}/{view}")
    found(browser, ".whence[data-ready]")


def complaints(browser: Browser) -> list[str]:
    """Of the browser about a page, but for requests that were refused."""
    said = [entry["message"] for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]
    return [one for one in said if "status of 4" not in one]


def found(browser: Browser, css: str, where: Callable[[Any], bool] = lambda element: True) -> Any:
    """The first element of a kind, as soon as there is one."""

    def look(driver: Browser) -> Any:
        return next((element for element in driver.find_elements(By.CSS_SELECTOR, css) if where(element)), None)

    return WebDriverWait(browser, WAIT_S, ignored_exceptions=[Exception]).until(look)


def until(browser: Browser, holds: Callable[[], bool]) -> None:
    WebDriverWait(browser, WAIT_S).until(lambda driver: holds())


def has_pixels(image: Any) -> bool:
    return bool(image.get_property("naturalWidth") > 0)


def told(browser: Browser, css: str, words: str) -> Any:
    return found(browser, css, lambda element: words in element.text)


def choose(browser: Browser, *paths: Path) -> None:
    browser.find_element(By.ID, "photos").send_keys("\n".join(map(str, paths)))
