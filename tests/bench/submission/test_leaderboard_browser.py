"""The leaderboard as a reader has it, in headless Chromium."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from bench.submission.admission import RULES
from bench.submission.page import write_leaderboard
from tests.bench.browser_support import NO_FAULTS, foreign, grave_faults, opened
from tests.bench.submission.submission_support import scores, submission

pytestmark = [pytest.mark.slow, pytest.mark.browser]


@pytest.fixture(scope="module")
def complaints() -> list[str]:
    """Errors of the page, and what it asked for beside itself."""
    return []


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory, complaints: list[str]) -> Iterator[Page]:
    """Two ranked defences and a submission that is not admitted."""
    home = tmp_path_factory.mktemp("board")
    records = scores(images=20) + scores(images=20, better=-2, defence="blur", strength=0.5)
    folders = [
        submission(home / "two", records, name="two"),
        submission(home / "few-seeds", scores(seeds=1), name="few-seeds"),
    ]
    with opened(write_leaderboard(folders, home / "out")[-1], complaints) as page:
        yield page


def test_no_serious_fault_is_found_by_axe(page: Page) -> None:
    assert grave_faults(page) == NO_FAULTS


def test_rows_are_in_the_order_of_their_ranks_and_can_be_filtered(page: Page) -> None:
    rows = page.locator("section table").first.locator("tbody tr")
    assert [row.split("\t")[0] for row in rows.all_inner_texts()] == ["1", "2"]
    page.locator("input[type=search]").first.fill("blur")
    expect(rows).to_have_count(1)


def test_rules_refusals_and_the_way_to_challenge_are_told(page: Page) -> None:
    assert "few-seeds: no attacker seed 1, 2" in page.locator("#refused").inner_text()
    assert page.locator("#rules li").count() == len(RULES)
    assert "challenges" in page.locator("#challenge").inner_text()
    assert page.locator("#submissions dt").all_inner_texts() == ["few-seeds", "two"]


def test_the_page_makes_no_complaint_and_asks_for_nothing_else(
    page: Page, complaints: list[str]
) -> None:
    assert foreign(page, complaints) == []
