"""JupyterLab as a person sees it, in a real browser. The pictures are kept, to be looked at."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

from tests.support.browser import CHROMIUM, DRIVER, SECONDS, Browser, browser
from tests.support.jupyter import log_in
from tests.support.lab import JUPYTER, secret

pytestmark = pytest.mark.skipif(
    not (CHROMIUM and DRIVER), reason="no chromium and chromedriver: bin/setup --dev"
)

FOLDER = "src/browser-test"
LIBRARIES = (
    "numpy, pandas, polars, matplotlib.pyplot as plt, seaborn, sklearn, lightgbm, xgboost, "
    "pyarrow, s3fs, adlfs, duckdb, sqlalchemy, pymysql, psycopg"
)
PYTHON_PLOT = f"""\
import {LIBRARIES}
seaborn.set_theme()
plt.title("월별 매출: 서울, 부산")
plt.xlabel("날짜"); plt.ylabel("매출 (만원)")
plt.plot(["가", "나", "다", "라"], [-3, 5, 2, 8])
plt.show()"""
R_PLOT = 'barplot(c(3, 5, 2), names.arg = c("서울", "부산", "대구"), main = "지역별 매출")'


class Files:
    """The files of JupyterLab, over its own API."""

    def __init__(self) -> None:
        self.session = log_in(secret("JUPYTER_PASSWORD"))
        self.session.headers["X-XSRFToken"] = self.session.cookies["_xsrf"]

    def put(self, path: str, **model: object) -> None:
        """Make a file or folder."""
        url = f"{JUPYTER}/api/contents/{path}"
        answer = self.session.put(url, json=model, timeout=SECONDS)
        assert answer.status_code in (200, 201), answer.text

    def text(self, path: str) -> str:
        """Return a text file's content; "" while it is not there."""
        answer = self.session.get(f"{JUPYTER}/api/contents/{path}", timeout=SECONDS)
        return str(answer.json()["content"]) if answer.ok else ""

    def connected(self, path: str) -> bool:
        """Tell whether a notebook's kernel waits for work and a browser is connected to it."""
        sessions = self.session.get(f"{JUPYTER}/api/sessions", timeout=SECONDS).json()
        kernels = [session["kernel"] for session in sessions if session["path"] == path]
        return any(k["connections"] and k["execution_state"] == "idle" for k in kernels)

    def remove(self, path: str) -> None:
        """Remove a file or an empty folder."""
        self.session.delete(f"{JUPYTER}/api/contents/{path}", timeout=SECONDS)


@pytest.fixture(scope="module")
def files(platform: None) -> Iterator[Files]:
    made = Files()
    made.put(FOLDER, type="directory")
    yield made
    listed = made.session.get(f"{JUPYTER}/api/contents/{FOLDER}", timeout=SECONDS).json()
    for entry in listed["content"]:
        made.remove(entry["path"])
    made.remove(FOLDER)


@pytest.fixture(scope="module")
def window(files: Files, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A browser that is logged in."""
    with browser(tmp_path_factory.mktemp("profile")) as opened:
        opened.open("")
        opened.find("input[name=password]")
        opened.picture("1-login")
        opened.log_in(secret("JUPYTER_PASSWORD"))
        opened.find("#jp-main-dock-panel")
        yield opened


def notebook(files: Files, name: str, kernel: str, source: str) -> str:
    """Put a notebook of one cell there; returns its path."""
    cell = {"cell_type": "code", "metadata": {}, "source": source, "outputs": []}
    content = {
        "cells": [{**cell, "execution_count": None}],
        "metadata": {"kernelspec": {"name": kernel, "display_name": kernel}},
        "nbformat": 4,
        "nbformat_minor": 4,
    }
    files.put(f"{FOLDER}/{name}", type="notebook", content=content)
    return f"{FOLDER}/{name}"


def plotted(window: Browser, files: Files, path: str) -> WebElement:
    """Open a notebook, run it, and return its plot."""
    window.open(f"/lab/tree/{path}?reset")
    WebDriverWait(window.driver, SECONDS).until(lambda _: files.connected(path), "its kernel")
    window.run_all()
    return window.find(".jp-OutputArea-output img")


def complaints(window: Browser) -> list[str]:
    """Return what cells wrote to standard error, and their errors."""
    css = "[data-mime-type='application/vnd.jupyter.stderr'], [data-mime-type*='jupyter.error']"
    return [element.text for element in window.all(css)]


def test_after_the_login_the_launcher_offers_python_r_and_a_terminal(window: Browser) -> None:
    window.open("/lab?reset")
    window.find(".jp-LauncherCard")
    cards = [card.get_attribute("textContent") for card in window.all(".jp-LauncherCard-label")]
    window.picture("2-lab")
    assert {"Python 3 (ipykernel)", "R", "Terminal"} <= set(cards)
    window.find("[title^='Git']")


def test_a_notebook_imports_the_libraries_and_draws_korean(window: Browser, files: Files) -> None:
    plot = plotted(window, files, notebook(files, "한글.ipynb", "python3", PYTHON_PLOT))
    window.picture("3-python")
    assert complaints(window) == []  # matplotlib warns of glyphs that it has not
    assert plot.size["width"] > 300


def test_an_r_cell_draws_korean(window: Browser, files: Files) -> None:
    plot = plotted(window, files, notebook(files, "r.ipynb", "ir", R_PLOT))
    window.picture("4-r")
    assert complaints(window) == []
    assert plot.size["width"] > 300


def test_a_terminal_runs_what_is_typed(window: Browser, files: Files) -> None:
    window.open("/lab?reset")
    window.find(".jp-LauncherCard[title='Start a new terminal session']").click()
    window.find(".jp-Terminal .xterm-screen")
    typed = window.driver.find_element(By.CSS_SELECTOR, ".jp-Terminal textarea")
    typed.send_keys(f"locale; id; echo 안녕 | tee ~/{FOLDER}/typed.txt", Keys.ENTER)
    written = WebDriverWait(window.driver, SECONDS)
    written.until(lambda _: files.text(f"{FOLDER}/typed.txt") == "안녕\n")
    window.picture("5-terminal")
