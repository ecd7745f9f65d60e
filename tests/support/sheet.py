"""A page of one file, as a browser shows it: how it looks, what it asks for, what axe says."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import axe_core_python
import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

from tests.support.browser import CHROMIUM, DRIVER, PICTURES

needs_browser = pytest.mark.skipif(
    not (CHROMIUM and DRIVER), reason="no chromium and chromedriver: bin/setup --dev"
)
_AXE = Path(os.environ.get("SKP_AXE", Path(axe_core_python.__file__).with_name("axe.min.js")))


class Sheet:
    """A browser's window with one page."""

    def __init__(self, driver: webdriver.Chrome) -> None:
        self.driver = driver

    def open(self, file: Path, width: int, scheme: str) -> None:
        """Show a file at a width in pixels, to a person who likes it `light` or `dark`."""
        self.driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600},
        )
        likes = [{"name": "prefers-color-scheme", "value": scheme}]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": likes})
        self.driver.get(file.as_uri())

    def picture(self, name: str) -> Path:
        """Save all of the page as NAME.png."""
        PICTURES.mkdir(parents=True, exist_ok=True)
        shown = self.driver.execute_cdp_cmd("Page.getLayoutMetrics", {})["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": shown["width"], "height": min(shown["height"], 6000)}
        options = {"captureBeyondViewport": True, "clip": {**clip, "scale": 1}}
        taken = self.driver.execute_cdp_cmd("Page.captureScreenshot", options)["data"]
        path = PICTURES / f"{name}.png"
        path.write_bytes(base64.b64decode(taken))
        return path

    def requests(self) -> list[str]:
        """Return the addresses that the browser asked for since the last call."""
        every = (
            json.loads(entry["message"])["message"]
            for entry in self.driver.get_log("performance")  # type: ignore[no-untyped-call]
        )
        return [
            said["params"]["request"]["url"]
            for said in every
            if said["method"] == "Network.requestWillBeSent"
        ]

    def is_wider_than_the_window(self) -> bool:
        """Whether a person has to scroll sideways."""
        script = "return document.documentElement.scrollWidth > window.innerWidth"
        return bool(self.driver.execute_script(script))

    def faults(self) -> list[str]:
        """Return what axe finds that is serious or worse."""
        self.driver.execute_script(_AXE.read_text())
        found: dict[str, Any] = self.driver.execute_async_script(
            "const done = arguments[arguments.length - 1]; axe.run().then(done)"
        )
        return [
            f"{one['id']}: {one['help']}: {one['nodes'][0]['html'][:200]}"
            for one in found["violations"]
            if one["impact"] in ("serious", "critical")
        ]


@contextmanager
def sheet() -> Iterator[Sheet]:
    """Open a browser's window without a screen."""
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM or ""
    for flag in ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    try:
        yield Sheet(driver)
    finally:
        driver.quit()
