"""Spark's pages in a real browser, and the logs that they lead to. The pictures are kept."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

from tests.support.browser import CHROMIUM, DRIVER, SECONDS, Browser, browser
from tests.support.jupyter import result
from tests.support.lab import skp
from tests.support.spark import BEGIN, HISTORY, PAGE, WORKERS

pytestmark = pytest.mark.skipif(
    not (CHROMIUM and DRIVER), reason="no chromium and chromedriver: bin/setup --dev"
)
LEAVES_A_WORD = """
import sys
spark.sparkContext.parallelize([1, 2], 2).foreach(lambda _: print("a word", file=sys.stderr))
spark.sparkContext.applicationId
"""


@pytest.fixture(scope="module")
def window(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@pytest.fixture(scope="module")
def application(notebook: Any) -> str:
    """An application that runs."""
    assert notebook.execute(BEGIN, timeout=180)["status"] == "ok"
    return result(notebook, LEAVES_A_WORD).strip("'")


def text(window: Browser) -> str:
    return str(window.driver.execute_script("return document.body.innerText"))


def shown(window: Browser, word: str) -> None:
    WebDriverWait(window.driver, SECONDS).until(lambda _: word in text(window), word)


def link(window: Browser, words: str) -> None:
    window.driver.find_element(By.PARTIAL_LINK_TEXT, words).click()


def test_the_masters_page_shows_workers_and_what_runs(window: Browser, application: str) -> None:
    window.driver.get(PAGE)
    shown(window, application)
    window.picture("spark-1-master")
    assert "2 Alive" in text(window)
    links = [found.get_attribute("href") or "" for found in window.all("a")]
    for name in WORKERS.values():
        assert any(name in href for href in links)


def test_a_workers_page_and_its_logs_are_seen_through_the_masters(
    window: Browser, application: str
) -> None:
    window.driver.get(PAGE)
    shown(window, application)
    link(window, WORKERS["c02"])
    shown(window, f"Spark Worker at {WORKERS['c02']}")
    window.picture("spark-2-worker")
    link(window, "stderr")
    shown(window, "a word")


def test_the_history_shows_what_ended_and_its_logs_when_the_containers_are_gone(
    window: Browser, notebook: Any, application: str
) -> None:
    notebook.execute("spark.stop()", timeout=60)
    assert skp("docker.spark-rm").code == 0
    assert skp("docker.spark-run").code == 0

    def listed(_: object) -> bool:
        window.driver.get(HISTORY)
        return bool(window.all(f"a[href*='{application}']"))

    WebDriverWait(window.driver, SECONDS, poll_frequency=2).until(listed, application)
    window.picture("spark-3-history")
    window.driver.get(f"{HISTORY}/history/{application}/executors/")
    window.find("a[href*='logType=stderr']")
    window.picture("spark-4-executors")
    link(window, "stderr")
    shown(window, "a word")
    window.picture("spark-5-log")


def test_a_link_out_of_the_logs_folder_is_refused(window: Browser, spark: None) -> None:
    query = "appId=app-1-1/../..&executorId=0&logType=stderr"
    window.driver.get(f"{HISTORY}/proxy/worker/logPage/?{query}")
    shown(window, "not the link of a log")
