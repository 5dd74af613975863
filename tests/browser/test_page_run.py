"""What can be done with a run that has ended: read how it came about, go on, fork, ask on, export, find, delete."""

import json
import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Opening, Served, artefact, ask, status
from tests.frontends.car_wash import QUESTION

pytestmark = pytest.mark.browser

QUICK = "sim/careful?delay=0, sim/hasty?delay=0, sim/contrarian?delay=0"


def asked(page: Page, question: str, whom: str = "folkmoot/converge", models: str = QUICK, **options: str) -> None:
    """Ask, and wait until everything about the run is there."""
    ask(page, question, whom, models, options)
    expect(page.get_by_role("article", name="The answer")).to_be_visible()
    expect(page.get_by_role("heading", name="Receipt", exact=True)).to_be_visible()


def section(page: Page, title: str) -> None:
    page.locator("summary", has=page.get_by_role("heading", name=title, exact=True)).click()


def test_a_debate_shows_who_endorsed_whom_and_never_hides_dissent(page: Page) -> None:
    ask(page, f"{QUESTION} Debate it.", "jury")
    expect(status(page)).to_have_text("A majority endorsed one proposal in 1 round")
    ballots = page.get_by_role("region", name="Majority: ballots").get_by_role("row")
    expect(ballots.filter(has_text="sim/hasty")).to_contain_text("FINALIZE")
    totals = page.get_by_role("region", name="Majority: totals").get_by_role("row")
    expect(totals.nth(1)).to_have_text(re.compile(r"sim/careful\s*★\s*2\s*sim/careful, sim/hasty"))
    dissent = page.locator(".dissent")
    expect(dissent.locator("p").first).to_have_text(
        re.compile(r"sim/contrarian\s+FINALIZE sim/contrarian\s+A distance that short takes a minute or two")
    )
    expect(dissent.locator(".other", has_text="sim/contrarian")).to_contain_text("Walk, of course.")
    artefact(page, "debate-desktop", whole=True)


def test_a_council_shows_who_ranked_whom_and_who_wrote_the_answer(page: Page) -> None:
    asked(page, f"{QUESTION} Council.", "folkmoot/council")
    expect(page.get_by_role("region", name="Mean place: ballots").get_by_role("row")).to_have_count(1 + 3)
    expect(page.get_by_role("region", name="Mean place: totals").get_by_role("row")).to_have_count(1 + 3)
    expect(page.get_by_text("the answer was written by sim/careful#chair")).to_be_visible()


def test_a_vote_shows_its_groups(page: Page) -> None:
    asked(page, f"{QUESTION} Vote.", "folkmoot/vote")
    group = page.get_by_role("region", name="Plurality: totals").get_by_role("row").nth(1)
    expect(group).to_contain_text("Walk")
    expect(group).to_contain_text("sim/contrarian")


def test_an_arbiter_says_how_sure_it_is(page: Page) -> None:
    asked(page, f"{QUESTION} Consortium.", "folkmoot/consortium")
    third = page.get_by_role("listitem").filter(has_text="Round 3: the arbiter's own confidence")
    expect(third).to_contain_text("0.95")
    expect(third).to_contain_text("3 answers read")


def test_a_fanout_shows_every_answer(page: Page) -> None:
    asked(page, f"{QUESTION} Fan out.", "folkmoot/fanout")
    expect(page.locator(".panel > li")).to_have_count(3)
    expect(page.locator(".panel")).to_contain_text("Nobody needs an engine")
    expect(page.get_by_text("What the others said")).to_have_count(0)


def test_a_brainstorm_shows_a_panel_of_answers(page: Page) -> None:
    asked(page, f"{QUESTION} Storm.", "folkmoot/brainstorm")
    expect(page.locator(".panel > li")).to_have_count(3)


def test_the_receipt_and_the_costs_say_what_the_command_line_says(page: Page, served: Served) -> None:
    asked(page, f"{QUESTION} Receipt.")
    section(page, "Receipt")
    section(page, "Cost")
    told = served.run("show", run_of(page), "--receipt", "-o", "json").json
    for each in told["receipt"]["left_out"]:
        seat = each["model_id"].partition("?")[0]
        line = page.locator(".marked li", has_text=f"without {seat}")
        expect(line).to_contain_text(
            {None: each["why"], False: "nothing changes", True: "the result flips"}[each["flips"]]
        )
    expect(page.get_by_text("count as at least")).to_be_visible()
    rows = page.get_by_role("region", name="Cost of each seat").get_by_role("row")
    expect(rows).to_have_count(1 + 3 + 1)
    expect(rows.last).to_contain_text(str(told["metadata"]["total_calls"]))


def run_of(page: Page) -> str:
    return page.url.rpartition("/")[2]


def test_every_call_can_be_opened_and_shows_the_reply_letter_by_letter(page: Page) -> None:
    asked(page, f"{QUESTION} Calls.")
    section(page, "Every call")
    call = page.locator(".calls > li", has=page.get_by_text("on", exact=True)).first
    call.locator("summary").first.click()
    expect(call.locator("code")).to_have_text(re.compile(r"^r1/evaluate/s\d>s\d$"))
    assert json.loads(call.locator("pre.raw").inner_text())["score"]


def test_every_call_shows_what_was_sent_and_so_does_one_that_a_fork_took_over(page: Page) -> None:
    asked(page, f"{QUESTION} <b>Sent</b>.")

    def opened() -> Locator:
        section(page, "Every call")
        call = page.locator(".calls > li", has=page.get_by_text("on", exact=True)).first
        call.locator("summary").first.click()
        call.get_by_text("What it was sent").click()
        expect(call.get_by_role("heading", level=4)).to_have_text(["system", "user"])
        return call.locator(".whole pre.raw").last

    expect(opened()).to_contain_text(re.compile(r"<b>Sent</b>.*Judge the answer", re.DOTALL))
    page.get_by_role("button", name="Fork", exact=True).click()
    dialog = page.get_by_role("dialog", name="Fork")
    dialog.get_by_label("What changes").select_option(label="option threshold")
    dialog.get_by_label("To", exact=True).fill("7")
    dialog.get_by_role("button", name="Fork", exact=True).click()
    expect(page.get_by_role("region", name="What the fork changed")).to_be_visible()
    expect(opened()).to_contain_text("<b>Sent</b>")


def test_a_fork_from_a_step_changes_an_option_and_shows_what_that_did_to_the_verdict(page: Page) -> None:
    asked(page, f"{QUESTION} Fork me.")
    source = page.url
    section(page, "Every call")
    page.locator(".calls > li > details > summary").nth(1).click()
    page.get_by_role("button", name="Fork here, before").click()
    dialog = page.get_by_role("dialog", name="Fork here")
    expect(dialog).to_contain_text(re.compile("keeps what came before r1/propose/s"))
    dialog.get_by_label("What changes").select_option(label="option threshold")
    dialog.get_by_label("To", exact=True).fill("10")
    dialog.get_by_role("button", name="Change something else too").click()
    expect(dialog.get_by_label("What changes")).to_have_count(2)
    dialog.get_by_label("What changes").last.select_option(label="option rounds")
    expect(dialog.get_by_label("To", exact=True)).to_have_count(2)
    dialog.get_by_label("To", exact=True).last.fill("4")
    dialog.get_by_role("button", name="Fork", exact=True).click()
    changed = page.get_by_role("region", name="What the fork changed")
    expect(changed).to_contain_text(re.compile(r"threshold: 8(\.0)? → 10"))
    verdicts = changed.get_by_role("region", name="Verdicts compared")
    expect(verdicts.get_by_role("row", name="status")).to_have_text(
        re.compile("Converged in 3 rounds.*No agreement after 4 rounds", re.DOTALL)
    )
    expect(changed.get_by_text("The answer is the same, word for word.")).to_be_visible()
    assert page.url != source
    artefact(page, "fork-desktop", whole=True)
    page.go_back()
    expect(status(page)).to_have_text("Converged in 3 rounds")
    assert page.url == source


def test_a_fork_to_another_question_shows_the_answers_word_by_word(page: Page) -> None:
    asked(page, "What is 17 * 23?")
    page.get_by_role("button", name="Fork", exact=True).click()
    dialog = page.get_by_role("dialog", name="Fork")
    dialog.get_by_label("What changes").select_option(label="the question")
    expect(dialog.get_by_label("To", exact=True)).to_have_value("What is 17 * 23?")
    dialog.get_by_label("To", exact=True).fill("What is 17 * 24?")
    dialog.get_by_role("button", name="Fork", exact=True).click()
    diff = page.locator(".diff")
    expect(diff.locator("del").filter(has_text="391").first).to_be_visible()
    expect(diff.locator("ins").filter(has_text="408").first).to_be_visible()


def test_a_run_without_agreement_goes_on_with_more_rounds(page: Page) -> None:
    asked(page, f"{QUESTION} Again.", Rounds="2")
    expect(status(page)).to_have_text("No agreement after 2 rounds")
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_role("dialog").get_by_label("Rounds")).to_have_value("5")
    page.get_by_role("dialog").get_by_role("button", name="Go on").click()
    expect(status(page)).to_have_text("Converged in 3 rounds")
    expect(page.locator("#calls .note").first).to_have_text("27 calls")


def test_a_further_question_has_what_came_before(page: Page) -> None:
    asked(page, f"{QUESTION} First.")
    first = page.url
    page.get_by_label("Ask on").fill("What is 6 * 7?")
    page.get_by_label("Ask on").press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("What is 6 * 7?")
    expect(page.locator(".answer")).to_contain_text("42")
    assert page.url != first
    page.get_by_text("Earlier in this conversation").click()
    expect(page.locator(".turn")).to_have_count(2)
    expect(page.locator(".turn.assistant")).to_contain_text("Drive.")


@pytest.mark.parametrize("kind, holds", [("HTML", "<!doctype html>"), ("Markdown", "# "), ("JSON", "{")])
def test_a_run_can_be_taken_along(kind: str, holds: str, page: Page) -> None:
    asked(page, f"{QUESTION} Export {kind}.", "folkmoot/fanout")
    with page.expect_download() as found:
        page.get_by_role("link", name=f"Export as {kind}").click()
    assert holds in found.value.path().read_text("utf-8")[:2000]


def test_a_run_is_deleted_only_after_a_second_thought(page: Page, served: Served) -> None:
    asked(page, f"{QUESTION} Delete me.", "folkmoot/fanout")
    run = run_of(page)
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("dialog")).to_contain_text("This cannot be undone.")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    assert (served.home / "runs" / run).exists()
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    page.wait_for_url("**/#/runs")
    expect(page.get_by_role("heading", name="History")).to_be_visible()
    assert not (served.home / "runs" / run).exists()


def test_history_is_searched_filtered_and_opened(opening: Opening, page: Page) -> None:
    asked(page, "What is 3 * 4711?", "folkmoot/converge")
    asked(opening(), "What is 4 * 4711?", "folkmoot/fanout")
    page.get_by_role("link", name="History").click()
    runs = page.locator("ul.runs li")
    expect(runs.first).to_contain_text("4 * 4711")
    artefact(page, "history-desktop")
    page.get_by_label("Search in questions and answers").fill("14133")
    expect(runs).to_have_count(1)
    expect(runs).to_contain_text("What is 3 * 4711?")
    page.get_by_label("Search in questions and answers").fill("4711")
    expect(runs).to_have_count(2)
    page.get_by_label("Status").select_option("answered")
    expect(runs).to_have_count(1)
    expect(runs).to_contain_text("What is 4 * 4711?")
    runs.get_by_role("link").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("What is 4 * 4711?")
    page.go_back()
    expect(page.get_by_role("heading", name="History")).to_be_visible()
    expect(runs).to_have_count(1)
    expect(page.get_by_label("Search in questions and answers")).to_have_value("4711")
    expect(page.get_by_label("Status")).to_have_value("answered")
    expect(page.get_by_role("link", name="History")).to_have_attribute("aria-current", "page")
    page.get_by_role("link", name="History").click()
    expect(page.get_by_label("Search in questions and answers")).to_have_value("")


def test_a_search_without_a_find_says_so(opening: Opening) -> None:
    page = opening("#/runs")
    page.get_by_label("Search in questions and answers").fill("xyzzy-nothing-is-like-that")
    expect(page.get_by_text("No run is like that.")).to_be_visible()


def test_a_run_that_does_not_exist_is_said(opening: Opening) -> None:
    page = opening("#/runs/20200101-000000_nothing_0000")
    expect(page.get_by_role("heading", name="There is no such run")).to_be_visible()


def test_a_call_without_a_reply_is_told(page: Page) -> None:
    ask(page, "Who refuses?", "folkmoot/fanout", "sim/careful?delay=0, loop/refusing")
    expect(page.get_by_text("1 call without a usable reply")).to_be_visible()
    section(page, "What went wrong")
    expect(page.get_by_text("this model refuses").first).to_be_visible()
