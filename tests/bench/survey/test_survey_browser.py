"""A person judges pairs, in headless Chromium."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page

from bench.survey.judgements import add_answers, read_judgements
from bench.survey.page import write_survey
from tests.bench.browser_support import NO_FAULTS, foreign, grave_faults, opened
from tests.bench.output_support import full_run

pytestmark = [pytest.mark.slow, pytest.mark.browser]


@pytest.fixture(scope="module")
def complaints() -> list[str]:
    """Errors of the page, and what it asked for beside itself."""
    return []


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with pictures."""
    return full_run(tmp_path_factory.mktemp("run")).folder


@pytest.fixture(scope="module")
def page(folder: Path, complaints: list[str]) -> Iterator[Page]:
    with opened(write_survey(folder, 3, seed=0), complaints) as page:
        yield page


def test_no_serious_fault_is_found_by_axe(page: Page) -> None:
    assert grave_faults(page) == NO_FAULTS


def test_answers_are_saved_as_a_file_that_becomes_judgements(
    page: Page, folder: Path, tmp_path: Path
) -> None:
    assert page.locator("#progress").inner_text() == "Pair 1 of 3"
    first = page.locator("#left").get_attribute("src")
    page.get_by_role("button", name="First").click()
    assert page.locator("#left").get_attribute("src") != first
    page.get_by_role("button", name="Back").click()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    page.reload()
    assert page.locator("#progress").inner_text() == "Pair 3 of 3"
    page.keyboard.press("ArrowLeft")
    assert "All pairs are judged" in page.locator("#progress").inner_text()
    with page.expect_download() as download:
        page.get_by_role("button", name="Save answers").click()
    file = tmp_path / "answers.json"
    download.value.save_as(file)
    assert add_answers(folder, [file]) == 3
    assert read_judgements(folder)["choice"].to_list() == ["right", "same", "left"]


def test_the_page_makes_no_complaint_and_asks_for_nothing_else(
    page: Page, complaints: list[str]
) -> None:
    asked = foreign(page, complaints)
    assert [said for said in asked if not said.startswith("blob:")] == []
