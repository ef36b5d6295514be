"""Debian's chromium, without a window, driven by playwright; and a server for it to look at."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import threading
from collections.abc import Generator
from pathlib import Path
from typing import Any

import uvicorn
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.support.waiting import PATIENCE_SECONDS

# Nothing that makes it look for Google's hosts, and nothing that needs a graphics card or a user other than root.
_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# For pages' set_default_timeout: thirty seconds are few where the machine has other things to do, and so are the five
# of an expectation.
PATIENCE_MILLISECONDS = PATIENCE_SECONDS * 1000
expect.set_options(timeout=PATIENCE_MILLISECONDS)


def chromium() -> str | None:
    """Path of the machine's chromium; None when it has none."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@contextlib.contextmanager
def running_browser() -> Generator[Browser]:
    """A browser with a profile of its own, closed at the end."""
    path = chromium()
    assert path, "there is no chromium on this machine: apt-get install chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=_ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


@contextlib.contextmanager
def served(app: Any) -> Generator[str]:
    """The address of an application that a thread serves on a free port of this machine."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off"))
    started = threading.Event()
    startup = server.startup

    async def announce(sockets: Any = None) -> None:
        await startup(sockets)
        started.set()

    server.startup = announce  # type: ignore[method-assign]
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="served", daemon=True)
    thread.start()
    assert started.wait(PATIENCE_SECONDS), "the server did not start"
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)
        listener.close()


def keep(page: Page, name: str, **picture: Any) -> None:
    """Keeps a picture where LAKE_SCREENSHOTS says, for docs/. picture: as page.screenshot takes it."""
    if folder := os.environ.get("LAKE_SCREENSHOTS"):
        page.screenshot(path=Path(folder) / f"{name}.png", **picture)
