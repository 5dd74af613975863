"""People who have a seat, asked on the page."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import artefact, ask
from tests.frontends.car_wash import QUESTION

pytestmark = pytest.mark.browser


def test_a_person_is_asked_on_the_page_and_the_answer_counts(page: Page) -> None:
    ask(page, f"{QUESTION} Maria?", "folkmoot/fanout", "sim/careful?delay=0, human/maria?deadline=600")
    board = page.get_by_role("region", name="What is happening")
    expect(board.get_by_text("answered", exact=True)).to_be_visible()
    expect(page.get_by_text("Drive.")).to_have_count(0)
    page.get_by_role("link", name="One question waits for a person").click()
    form = page.get_by_role("form", name="A question for maria")
    expect(form.get_by_role("timer")).to_have_text(re.compile(r"^\s*(9 min \d+ s|10 min 0 s) left\s*$"))
    expect(form.locator("pre")).to_contain_text(QUESTION)
    expect(form.get_by_role("button", name="Answer", exact=True)).to_be_disabled()
    form.get_by_label("Your answer").fill("I would **drive**, and <b>sing</b>.")
    artefact(page, "people-desktop")
    form.get_by_role("button", name="Answer", exact=True).click()
    expect(page.get_by_text("Nobody is asked anything just now.")).to_be_visible()
    page.go_back()
    said = page.locator(".panel > li", has_text="human/maria")
    expect(said.locator(".prose")).to_have_text("I would drive, and <b>sing</b>.")


def test_what_is_being_written_stays_while_the_deadline_is_counted_down(page: Page) -> None:
    ask(page, "What does Nils think?", "folkmoot/fanout", "sim/careful?delay=0, human/nils?deadline=300")
    page.get_by_role("link", name="One question waits for a person").click()
    form = page.get_by_role("form", name="A question for nils")
    form.get_by_label("Your answer").press_sequentially("I am still")
    before = form.get_by_role("timer").inner_text()
    expect(form.get_by_role("timer")).not_to_have_text(before)
    form.get_by_label("Your answer").press_sequentially(" thinking.")
    expect(form.get_by_label("Your answer")).to_have_value("I am still thinking.")
    expect(form.get_by_label("Your answer")).to_be_focused()
    form.get_by_role("button", name="Answer", exact=True).click()
    expect(form).to_be_hidden()


def test_what_others_say_is_kept_from_a_person_with_a_seat_unless_they_ask_for_it(page: Page) -> None:
    ask(page, f"{QUESTION} Quentin?", "folkmoot/fanout", "sim/careful?delay=0, human/quentin?deadline=600")
    expect(page.get_by_text("A person has a seat")).to_be_visible()
    expect(page.get_by_role("region", name="What is happening").get_by_text("answered", exact=True)).to_be_visible()
    expect(page.get_by_text("Drive.")).to_have_count(0)
    page.get_by_role("button", name="Show it all the same").click()
    expect(page.get_by_text("Drive.").first).to_be_visible()
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("button", name="Resume")).to_be_visible()


def test_a_late_answer_offers_a_fork_and_the_first_verdict_stands(page: Page) -> None:
    ask(page, "What does Olga think?", "folkmoot/fanout", "sim/careful?delay=0, human/olga?deadline=2")
    first = page.url
    page.get_by_role("link", name="People").click()
    form = page.get_by_role("form", name="olga was asked, and the time is over")
    form.get_by_label("Your answer").fill("Sorry, here I am.")
    form.get_by_role("button", name="Answer in a fork").click()
    page.wait_for_url("**/#/runs/*")
    assert page.url != first
    expect(page.get_by_text("Sorry, here I am.").first).to_be_visible()
    expect(page.get_by_role("region", name="What the fork changed")).to_contain_text("Some seats answered")
    page.goto(first)
    expect(page.get_by_text("Some seats answered").first).to_be_visible()


def test_a_missed_question_can_be_answered_from_the_runs_own_page(page: Page) -> None:
    ask(page, "What does Pia think?", "folkmoot/fanout", "sim/careful?delay=0, human/pia?deadline=1")
    expect(page.get_by_text("Some seats answered").first).to_be_visible()
    page.locator("#calls > summary").click()
    page.locator(".calls > li", has_text="human/pia").locator("summary").first.click()
    page.get_by_role("button", name="Answer late").click()
    page.get_by_role("dialog").get_by_label("Your answer").fill("Pia says yes.")
    page.get_by_role("dialog").get_by_role("button", name="Answer in a fork").click()
    expect(page.get_by_text("Every seat answered").first).to_be_visible()
    expect(page.get_by_text("Pia says yes.").first).to_be_visible()
