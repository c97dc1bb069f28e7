"""Pages as a reader has them, in headless Chromium."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, sync_playwright

GRAVE = {"serious", "critical"}
VIEWS = (("light", 1280), ("dark", 420))
"""Colour schemes with the widths at which pages are judged."""
NO_FAULTS: dict[str, list[str]] = {f"{scheme}, {width}": [] for scheme, width in VIEWS}


@contextmanager
def opened(file: Path, complaints: list[str]) -> Iterator[Page]:
    """A file in the browser; its errors, and what it asks for, go to ``complaints``."""
    program = shutil.which("chromium")
    assert program, "install chromium, or leave these tests out with -m 'not browser'"
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=program, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(120_000)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: complaints.append(said.text))
        page.on("request", lambda asked: complaints.append(asked.url))
        page.goto(file.as_uri())
        yield page
        browser.close()


def grave_faults(page: Page) -> dict[str, list[str]]:
    """Serious faults that axe-core finds, by colour scheme and width."""
    found = {}
    for scheme, width in VIEWS:
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": 900})
        answer = json.loads(json.dumps(Axe().run(page).response))
        found[f"{scheme}, {width}"] = [
            f"{fault['id']}: {fault['nodes'][0]['html'][:200]}"
            for fault in answer["violations"]
            if fault["impact"] in GRAVE
        ]
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 1280, "height": 900})
    return found


def foreign(page: Page, complaints: list[str]) -> list[str]:
    """Complaints, and requests for anything but the page itself."""
    return [said for said in complaints if not said.startswith("data:") and said != page.url]
