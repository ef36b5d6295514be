"""Work in the background of the page: one piece at a time, and none too often."""

from __future__ import annotations

import logging
import threading

import pytest

from lakelanes_airflow.page.background import BackgroundWork


def test_work_is_done_once_however_often_it_is_requested() -> None:
    background, done = BackgroundWork(pause_seconds=3600), list[str]()
    for _ in range(3):
        background.request("count", lambda: done.append("count"))
    background.wait()
    background.request("count", lambda: done.append("again"))
    background.request("ask", lambda: done.append("ask"))
    background.wait()
    assert done == ["count", "ask"]


def test_work_that_goes_on_is_not_requested_twice() -> None:
    background, done, goes_on, release = BackgroundWork(0), list[str](), threading.Event(), threading.Event()

    def work() -> None:
        goes_on.set()
        assert release.wait(60)
        done.append("first")

    background.request("count", work)
    assert goes_on.wait(60)
    background.request("count", lambda: done.append("second"))
    release.set()
    background.wait()
    assert done == ["first"]


def test_after_the_pause_it_is_done_again() -> None:
    background, done = BackgroundWork(pause_seconds=0), list[int]()
    for number in range(3):
        background.request("count", lambda number=number: done.append(number))
        background.wait()
    assert done == [0, 1, 2]


def test_work_that_fails_is_logged_and_stops_no_other(caplog: pytest.LogCaptureFixture) -> None:
    background, done = BackgroundWork(), list[str]()

    def fail() -> None:
        raise ConnectionError("lost")

    with caplog.at_level(logging.ERROR):
        background.request("count", fail)
        background.request("ask", lambda: done.append("ask"))
        background.wait()
    assert done == ["ask"] and "count failed" in caplog.text
