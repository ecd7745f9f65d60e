"""JupyterLab in a real browser: Debian's Chromium, headless, driven through its own driver."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from selenium import webdriver
from selenium.common.exceptions import (
    ElementClickInterceptedException,
    StaleElementReferenceException,
    TimeoutException,
)
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support import expected_conditions as wait_for
from selenium.webdriver.support.wait import WebDriverWait

from tests.support.lab import JUPYTER, ROOT

SECONDS = 90
_BEGINS = 20  # seconds until a cell shows that it was sent to its kernel
_OPEN = ".jp-NotebookPanel:not(.lm-mod-hidden)"
# Where the pictures go, for a person to look at.
PICTURES = Path(os.environ.get("SKP_PICTURES", ROOT / ".lab" / "pictures"))

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")


class Browser:
    """One window, as one person has it open."""

    def __init__(self, driver: webdriver.Chrome) -> None:
        self.driver = driver

    def open(self, path: str) -> None:
        """Go to a page of JupyterLab."""
        self.driver.get(f"{JUPYTER}{path}")

    def find(self, css: str) -> WebElement:
        """Return the first element that is to be seen, once it is; fails after the deadline."""
        return self._wait(wait_for.visibility_of_element_located((By.CSS_SELECTOR, css)), css)

    def all(self, css: str) -> list[WebElement]:
        """Return the elements that are there now."""
        return self.driver.find_elements(By.CSS_SELECTOR, css)

    def picture(self, name: str) -> Path:
        """Save what is to be seen as NAME.png."""
        PICTURES.mkdir(parents=True, exist_ok=True)
        path = PICTURES / f"{name}.png"
        assert self.driver.save_screenshot(str(path))
        return path

    def log_in(self, password: str) -> None:
        """Send the login page's form by its button."""
        self.open("/login")
        self.find("input[name=password]").send_keys(password)
        self.find("#login_submit").click()

    def run_all(self) -> None:
        """Choose Run > Run All Cells of the open notebook, once its kernel is named and idle.

        JupyterLab shows "idle" before it has asked for a kernel: who runs a cell then is asked to
        select one. And it does so a moment before it sends anything to the kernel, and forgets what
        was chosen until then: a person chooses it again.
        """
        self.find(f"{_OPEN} [data-status=idle]")
        self._until(self._has_kernel, SECONDS)
        for _ in range(3):
            try:
                for label in ("Run", "Run All Cells"):
                    self.entry(label).click()
                self._until(self._began, _BEGINS)
                return
            except (TimeoutException, ElementClickInterceptedException):
                self.picture("not-begun")
                self.find("body").send_keys(Keys.ESCAPE)
        raise AssertionError("no cell began to run")

    def until(self, holds: Callable[[], bool]) -> None:
        """Wait until something holds of what is shown."""
        try:
            self._until(holds, SECONDS)
        except TimeoutException:
            self.picture("failed")
            raise

    def _until(self, holds: Callable[[], bool], seconds: float) -> None:
        """Wait until something holds; what it looked at may have been drawn anew meanwhile."""
        again = (StaleElementReferenceException,)
        WebDriverWait(self.driver, seconds, ignored_exceptions=again).until(lambda _: holds())

    def _has_kernel(self) -> bool:
        """Tell whether the open notebook's toolbar names a kernel."""
        names = [name.text for name in self.all(f"{_OPEN} .jp-KernelName")]
        return bool(names) and "No Kernel" not in names

    def _began(self) -> bool:
        """Tell whether a cell of the open notebook runs or has run: its prompt is not empty."""
        prompts = [prompt.text for prompt in self.all(f"{_OPEN} .jp-InputPrompt")]
        return any(prompt.strip("[]: ") for prompt in prompts)

    def entry(self, label: str) -> WebElement:
        """Return the entry of the menus that is called so."""
        path = (
            "//*[contains(@class,'lm-MenuBar-itemLabel') or contains(@class,'lm-Menu-itemLabel')]"
            f"[normalize-space()='{label}']"
        )
        return self._wait(wait_for.element_to_be_clickable((By.XPATH, path)), label)

    def _wait(
        self, found: Callable[[WebDriver], WebElement | Literal[False]], what: str
    ) -> WebElement:
        try:
            return WebDriverWait(self.driver, SECONDS).until(found, what)
        except TimeoutException:
            self.picture("failed")
            raise


@contextmanager
def browser(profile: Path, *more: str) -> Iterator[Browser]:
    """Start Chromium with a new profile in that folder, and end it.

    Args:
        more: further arguments of its command line.
    """
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM or ""
    for argument in (
        "--headless=new", "--window-size=1400,1000", f"--user-data-dir={profile}",
        "--no-sandbox", "--disable-dev-shm-usage", "--no-proxy-server", "--lang=en-US", *more,
    ):  # fmt: skip
        options.add_argument(argument)
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    driver.set_page_load_timeout(SECONDS)
    try:
        yield Browser(driver)
    finally:
        driver.quit()
