"""The screenshots of `docs/demo.md`, of the demo as it is.

``python -m studies.upkeep.demo_screenshots [--out docs]``

Needs the extras `demo` and `dev`, and Chromium. Shards run in processes of their own.
"""

from __future__ import annotations

import argparse
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

from framework.errors import PedbenchError
from studies.command import exit_with

SAMPLE = "astronaut"
WIDTH, HEIGHT = 1180, 1100
QUALITY = 80
PATIENCE = 180_000


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("docs"), help="folder of the pictures")
    out = parser.parse_args(arguments).out
    program = shutil.which("chromium")
    if program is None:
        raise PedbenchError("no Chromium: install it")
    with demo() as address, sync_playwright() as play:
        browser = play.chromium.launch(executable_path=program, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        expect.set_options(timeout=PATIENCE)
        page.set_default_timeout(PATIENCE)
        page.goto(address)
        for name in shown(page):
            page.screenshot(path=out / f"{name}.jpg", type="jpeg", quality=QUALITY)
            print(out / f"{name}.jpg")
        browser.close()
    return 0


@contextmanager
def demo() -> Iterator[str]:
    """The demo's address while it runs."""
    command = [sys.executable, "-m", "bench", "demo", "--no-browser", "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        found = re.search(r"http://\S+", process.stdout.readline() if process.stdout else "")
        if found is None:
            raise PedbenchError("the demo does not start: see 'pedbench demo'")
        yield found[0]
    finally:
        process.send_signal(signal.SIGINT)
        process.wait()


def shown(page: Page) -> Iterator[str]:
    """Bring the page into each state that has a picture; the picture's name."""
    page.get_by_role("combobox", name="Sample photo").click()
    page.get_by_role("option", name=SAMPLE).click()
    expect(page.get_by_text("attacks tried")).to_be_visible()
    page.get_by_role("slider", name="Colluding shards").press("ArrowRight")
    expect(page.locator("figure.colludes")).to_have_count(2)
    yield "demo"
    view = page.get_by_role("img", name="Shard 1", exact=True)
    before = view.get_attribute("src") or ""
    page.get_by_role("combobox", name="Defence").click()
    page.get_by_role("option", name=re.compile("^gaussian:")).click()
    expect(view).not_to_have_attribute("src", before)
    expect(page.get_by_text("attacks tried")).to_be_visible()
    yield "demo_noise"


if __name__ == "__main__":
    exit_with(main, "studies.upkeep.demo_screenshots")
