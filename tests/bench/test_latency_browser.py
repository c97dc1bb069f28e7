"""The report of a latency run as a reader has it, in headless Chromium."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from bench.cli import build_parser
from bench.latency.config import load_latency, narrowed
from bench.latency.report.output import REPORT, write_outputs
from bench.spec.restriction import read_only
from tests.bench.browser_support import NO_FAULTS, foreign, grave_faults, opened
from tests.bench.latency_support import latency_folder

pytestmark = [pytest.mark.slow, pytest.mark.browser]


@pytest.fixture(scope="module")
def complaints() -> list[str]:
    """Errors of the page, and what it asked for beside itself."""
    return []


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory, complaints: list[str]) -> Iterator[Page]:
    """The report as it opens."""
    folder = latency_folder(tmp_path_factory.mktemp("latency"))
    with opened(write_outputs(folder, (REPORT,))[-1], complaints) as page:
        yield page


def test_no_serious_fault_is_found_by_axe(page: Page) -> None:
    assert grave_faults(page) == NO_FAULTS


def test_a_heading_sorts_numbers_and_words_that_stand_for_them(page: Page) -> None:
    table = page.locator("table").last
    for label, value in (("Rounds", "data-order"), ("Pays from, Mb/s: no delay", "data-order")):
        heading = table.locator("th", has_text=label)
        place = heading.evaluate("cell => cell.cellIndex")
        heading.locator(".dt-column-title").click()
        expect(heading).to_have_attribute("aria-sort", "ascending")
        cells = table.locator(f"tbody tr td:nth-child({place + 1})").all()
        numbers = [float(cell.get_attribute(value) or "nan") for cell in cells]
        assert numbers == sorted(numbers)


def test_the_search_filters(page: Page) -> None:
    rows = page.locator("table").first.locator("tbody tr")
    before = rows.count()
    page.locator("input[type=search]").first.fill("wan")
    expect(rows).not_to_have_count(before)
    assert 0 < rows.count() < before
    page.locator("input[type=search]").first.fill("")


def test_a_row_gives_a_command_that_measures_it_again(page: Page) -> None:
    page.locator("table").first.locator("tr", has_text="wan").last.locator(".again").click()
    said = shlex.split(page.locator("#command pre").inner_text())
    page.keyboard.press("Escape")
    args = build_parser().parse_args(said[1:])
    config = narrowed(load_latency(args.preset, {}), read_only(args.only))
    assert [link.name for link in config.links] == ["wan"]
    assert config.plans == ("local", "prefix")


def test_dark_pages_have_dark_figures(page: Page) -> None:
    shown = "document.querySelector('.plot img').currentSrc"
    light = page.evaluate(shown)
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(f"light => {shown} !== light", arg=light)
    page.emulate_media(color_scheme="light")


def test_the_page_makes_no_complaint_and_asks_for_nothing_else(
    page: Page, complaints: list[str]
) -> None:
    assert foreign(page, complaints) == []
