"""A browser, where there is one."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

NAMES = ("chromium-headless-shell", "chromium", "google-chrome")


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """A Chromium of this machine; ``CHROMIUM`` may name another program."""
    found = filter(None, [os.environ.get("CHROMIUM"), *map(shutil.which, NAMES)])
    program = next(found, None)
    if program is None:
        pytest.skip("there is no Chromium on this machine")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def open_page(browser) -> Iterator[Callable[..., Any]]:
    """Return what opens a file in a window; what went wrong in it is an error at the end."""
    wrong: list[str] = []
    windows = []

    def open_file(path: Path, width: int = 1200, **more: Any) -> Any:
        window = browser.new_page(viewport={"width": width, "height": 700}, **more)
        windows.append(window)
        window.on("pageerror", lambda error: wrong.append(str(error)))
        window.on("console", lambda message: wrong.append(message.text))
        asked: list[str] = []
        window.on("request", lambda request: asked.append(request.url))
        window.goto(path.as_uri())
        assert asked[0] == path.as_uri()
        assert all(url.startswith("blob:") for url in asked[1:])  # of the page itself
        return window

    yield open_file
    for window in windows:
        window.close()
    assert wrong == []
