"""One Chromium for all tests of a file, and a fresh page for each."""

import os
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.browser.watching import CHROMIUM, QUIET, Watched


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        if os.environ.get("FIGGO_OPS_CI"):
            pytest.fail(f"{CHROMIUM} is required here and is not installed")
        pytest.skip(f"there is no {CHROMIUM}")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield started
        started.close()


@pytest.fixture(params=["light", "dark"])
def watched(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Watched]:
    context = browser.new_context(color_scheme=request.param)
    yield Watched(context, "file://")
    context.close()
