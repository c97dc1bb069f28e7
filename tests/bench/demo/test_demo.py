"""The demo as a visitor has it: a page in headless Chromium, shards in processes of their own."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect, sync_playwright

from tests.bench.browser_support import NO_FAULTS, grave_faults

pytestmark = [pytest.mark.slow, pytest.mark.browser]

ROOT = Path(__file__).parents[3]
PATIENCE = 120_000


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[subprocess.Popen[str]]:
    """The command, with shards that have started."""
    without = ("PYTEST_CURRENT_TEST", "http_proxy", "HTTP_PROXY")  # NiceGUI alters what it tests
    environment = {name: value for name, value in os.environ.items() if name not in without}
    process = subprocess.Popen(
        [sys.executable, "-m", "bench", "demo", "--no-browser", "--port", "0", "--max-shards", "3"],
        cwd=tmp_path_factory.mktemp("demo"),
        env=environment | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        text=True,
    )
    yield process
    process.send_signal(signal.SIGINT)
    process.wait(90)


@pytest.fixture(scope="module")
def complaints() -> list[str]:
    """Errors of the page, and what it asked for elsewhere."""
    return []


@pytest.fixture(scope="module")
def page(demo: subprocess.Popen[str], complaints: list[str]) -> Iterator[Page]:
    """The page after a sample was taken."""
    program = shutil.which("chromium")
    assert program, "install chromium, or leave these tests out with -m 'not browser'"
    assert demo.stdout
    found = re.search(r"http://\S+", demo.stdout.readline())
    assert found
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=program, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 1100})
        page.set_default_timeout(PATIENCE)
        expect.set_options(timeout=PATIENCE)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: complaints.append(said.text))
        page.on("request", lambda asked: complaints.append(asked.url))
        page.goto(found[0])
        page.get_by_role("combobox", name="Sample photo").click()
        page.get_by_role("option", name="astronaut").click()
        expect(page.get_by_text("attacks tried")).to_be_visible()
        yield page
        browser.close()


def picture(page: Page, title: str) -> Locator:
    return page.get_by_role("img", name=title, exact=True)


def source(of: Locator) -> str:
    return of.get_attribute("src") or ""


def shard_processes(page: Page) -> list[int]:
    return [int(n) for n in re.findall(r"process (\d+)", page.locator(".demo").inner_text())]


def test_a_sample_gives_a_mask_and_what_each_shard_process_reads(
    page: Page, demo: subprocess.Popen[str]
) -> None:
    assert source(picture(page, "Mask")).startswith("data:image/webp")
    assert "IoU with the mask of the unsplit model: 1.000" in page.locator(".demo").inner_text()
    processes = shard_processes(page)
    assert len(set(processes)) == 3
    assert demo.pid not in processes
    assert len({source(picture(page, f"Shard {number}")) for number in (1, 2, 3)}) == 3


def test_no_serious_fault_is_found_by_axe(page: Page) -> None:
    assert grave_faults(page) == NO_FAULTS


def test_a_larger_coalition_has_another_picture(page: Page) -> None:
    best = page.locator("figure").last.locator("img")
    before = source(best)
    page.get_by_role("slider", name="Colluding shards").press("ArrowRight")
    expect(page.locator("figure.colludes")).to_have_count(2)
    assert source(best) != before


def test_a_box_drawn_with_the_mouse_gives_another_mask(page: Page) -> None:
    mask = picture(page, "Mask")
    before = source(mask)
    place = page.locator(".photo img").bounding_box()
    assert place
    page.mouse.move(place["x"] + 60, place["y"] + 120)
    page.mouse.down()
    page.mouse.move(place["x"] + 250, place["y"] + 330, steps=4)
    page.mouse.up()
    expect(mask).not_to_have_attribute("src", before)
    expect(page.get_by_label("Box x0,y0,x1,y1")).to_have_value(re.compile(r"^\d+,\d+,\d+,\d+$"))


def test_a_defence_changes_what_shards_read_and_what_the_edge_has(page: Page) -> None:
    view = picture(page, "Shard 1")
    before = source(view)
    page.get_by_role("combobox", name="Defence").click()
    page.get_by_role("option", name=re.compile("^gaussian:")).click()
    expect(view).not_to_have_attribute("src", before)
    expect(page.get_by_text("attacks tried")).to_be_visible()
    assert "conv_decoder" in page.locator(".demo").inner_text(), "shipped for this strength"
    page.get_by_text("not tried here").click()
    expect(page.get_by_text(re.compile("^whole_image_decoder:"))).to_be_visible()


@pytest.mark.parametrize("box", ["9,9,5,5", "nowhere", "9000,9000,9001,9001"])
def test_a_box_that_is_none_is_one_line(page: Page, box: str) -> None:
    page.get_by_label("Box x0,y0,x1,y1").fill(box)
    page.keyboard.press("Tab")
    line = page.get_by_role("alert")
    expect(line).to_contain_text(f"'{box}'")
    assert "\n" not in line.inner_text()


def test_a_file_that_is_no_photo_is_one_line(page: Page) -> None:
    file = {"name": "note.jpg", "mimeType": "image/jpeg", "buffer": b"no photo"}
    page.locator("input[type=file]").set_input_files(file)  # type: ignore[arg-type]
    line = page.get_by_role("alert")
    expect(line).to_contain_text("note.jpg")
    assert "\n" not in line.inner_text()


def test_a_photo_of_ones_own_asks_for_a_box(page: Page, tmp_path: Path) -> None:
    photo = ROOT / "framework/weights/tiny_masks.jpg"
    page.locator("input[type=file]").set_input_files(photo)
    expect(page.get_by_role("alert")).to_contain_text("Draw a box")


def test_the_page_makes_no_complaint_and_asks_for_nothing_elsewhere(
    page: Page, complaints: list[str]
) -> None:
    foreign = [said for said in complaints if not said.startswith(("data:", "blob:", page.url))]
    assert foreign == []


def test_no_shard_process_outlives_a_page_that_is_told_to_stop(
    page: Page, demo: subprocess.Popen[str]
) -> None:
    page.get_by_role("combobox", name="Sample photo").click()
    page.get_by_role("option", name="coffee").click()
    expect(picture(page, "Shard 1")).to_be_visible()
    processes = shard_processes(page)
    demo.terminate()
    assert demo.wait(90) == 0
    assert len(processes) == 3
    for process in processes:
        with pytest.raises(ProcessLookupError):
            os.kill(process, 0)
