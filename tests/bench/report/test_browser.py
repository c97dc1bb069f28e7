"""The report as a reader has it, in headless Chromium."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.bench.browser_support import NO_FAULTS, foreign, grave_faults, opened

pytestmark = [pytest.mark.slow, pytest.mark.browser]


@pytest.fixture(scope="module")
def complaints() -> list[str]:
    """Errors of the page, and what it asked for beside itself."""
    return []


@pytest.fixture(scope="module")
def page(written: list[Path], complaints: list[str]) -> Iterator[Page]:
    """The report of a complete run, as it opens."""
    with opened(written[-1], complaints) as page:
        page.wait_for_selector("#curve svg")
        yield page


@pytest.fixture(scope="module")
def faults(page: Page) -> dict[str, list[str]]:
    """Serious faults that axe-core finds, by colour scheme and width."""
    return grave_faults(page)


def test_no_serious_fault_is_found_by_axe(faults: dict[str, list[str]]) -> None:
    assert faults == NO_FAULTS


def test_a_heading_sorts_and_the_search_filters(page: Page) -> None:
    table = page.locator("table").first
    number = table.locator("th.n").first
    place = number.evaluate("cell => cell.cellIndex")
    cells = table.locator(f"tbody tr td:nth-child({place + 1})")
    orders = []
    for order in ("ascending", "descending"):
        number.locator(".dt-column-title").click()
        expect(number).to_have_attribute("aria-sort", order)
        orders.append([float(text.split()[0]) for text in cells.all_inner_texts()])
    assert orders[0] == sorted(orders[0])
    assert orders[1] == sorted(orders[0], reverse=True)
    before = table.locator("tbody tr").count()
    page.locator("input[type=search]").first.fill("int8")
    expect(table.locator("tbody tr")).not_to_have_count(before)
    assert 0 < table.locator("tbody tr").count() < before


def test_the_keyboard_sorts_and_asks_for_a_command(page: Page) -> None:
    number = page.locator("table").first.locator("th.n").first
    before = number.get_attribute("aria-sort")
    number.locator("[role=button]").press("Enter")
    expect(number).not_to_have_attribute("aria-sort", before or "none")
    page.locator("table .again").first.press("Enter")
    expect(page.locator("#command")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#command")).to_be_hidden()


def test_each_chooser_of_the_curve_changes_what_is_drawn(page: Page) -> None:
    marks = page.locator("#curve svg .mark-symbol.role-mark path")
    names = page.locator("#curve .vega-bind-name").all_inner_texts()
    assert len(names) > 2
    for name in (name.strip() for name in names):
        chooser = page.get_by_role("combobox", name=name, exact=True)
        start = chooser.input_value()
        other = next(o for o in chooser.locator("option").all_inner_texts() if o != start)
        places = [mark.get_attribute("transform") for mark in marks.all()]
        chooser.select_option(other)
        page.wait_for_function(
            "places => JSON.stringify(places) !== JSON.stringify([...document.querySelectorAll("
            "'#curve svg .mark-symbol.role-mark path')].map(m => m.getAttribute('transform')))",
            arg=places,
        )
        chooser.select_option(start)


def test_the_curve_filters_and_tells_its_points(page: Page) -> None:
    marks = page.locator("#curve svg .mark-symbol.role-mark path")
    before = marks.count()
    page.get_by_role("combobox", name="Shards").select_option("4")
    expect(marks).not_to_have_count(before, timeout=60_000)
    assert marks.count() > 0
    marks.last.hover()
    page.wait_for_selector("#vg-tooltip-element.visible")
    assert "mIoU" in page.locator("#vg-tooltip-element").inner_text()


def test_the_slider_and_the_chooser_change_the_picture(page: Page) -> None:
    picture, slider = page.locator("#gallery-made"), page.locator("#gallery-size")
    shown = [picture.get_attribute("src")]
    slider.focus()
    slider.press("ArrowRight")
    shown.append(picture.get_attribute("src"))
    assert slider.get_attribute("aria-valuetext") == "2 of 4 shards"
    page.locator("#gallery-attack").select_option("telea")
    shown.append(picture.get_attribute("src"))
    assert len(set(shown)) == 3


def test_a_row_gives_the_command_that_measures_it_again(page: Page) -> None:
    page.locator("table .again").first.click()
    said = page.locator("#command pre").inner_text()
    page.keyboard.press("Escape")
    assert said.startswith("pedbench run --preset ")
    assert "--only plan=interleaved" in said
    expect(page.locator("#command")).to_be_hidden()


@pytest.mark.usefixtures("faults")
def test_the_page_makes_no_complaint_and_asks_for_nothing_else(
    page: Page, complaints: list[str]
) -> None:
    assert foreign(page, complaints) == []
