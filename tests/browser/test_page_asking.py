"""Asking on the page, and watching a run while it goes on."""

import re

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import PAUSING, Opening, Served, artefact, ask, status
from tests.browser.line import Line
from tests.frontends.car_wash import QUESTION
from tests.loopback import LoopbackModels

pytestmark = pytest.mark.browser


def test_the_question_box_is_there_and_has_the_cursor(page: Page) -> None:
    expect(page.get_by_label("Your question")).to_be_focused()
    expect(page.get_by_label("with", exact=True)).to_have_value("default")
    expect(page.get_by_text("Three simulated seats that judge each other")).to_be_visible()
    expect(page.get_by_role("button", name="Ask", exact=True)).to_be_disabled()


def test_every_panel_and_every_protocol_can_be_asked(page: Page) -> None:
    names = page.get_by_label("with", exact=True).locator("option")
    expect(names).to_have_count(2 + 9)
    assert {"default", "jury", "ask", "debate", "council"} <= set(names.all_inner_texts())


def test_enter_asks_and_shift_enter_begins_a_new_line(page: Page) -> None:
    box = page.get_by_label("Your question")
    box.fill("one")
    box.press("Shift+Enter")
    box.press_sequentially("two")
    expect(box).to_have_value("one\ntwo")
    box.press("Enter")
    page.wait_for_url("**/#/runs/*")
    expect(page.get_by_role("heading", level=1)).to_have_text("one two")


def test_the_board_shows_every_seat_and_what_it_writes_and_then_the_answer_comes_first(
    page: Page, gate: LoopbackModels
) -> None:
    ask(page, f"{QUESTION} Show me.", models=PAUSING)
    board = page.get_by_role("region", name="What is happening")
    expect(board.locator(".seat")).to_have_count(3)
    expect(board.locator(".seat.writing", has_text="loop/pausing").locator(".tail")).to_have_text(re.compile("Drive."))
    expect(board.get_by_label("propose")).to_be_visible()
    expect(board.get_by_text("free")).to_be_visible()
    artefact(page, "board-desktop")
    gate.let_through(1)
    expect(board.get_by_role("heading", name=re.compile("Round 2"))).to_be_visible()
    expect(page.get_by_role("heading", name="Scores so far")).to_be_visible()
    gate.let_through(1)

    answer = page.get_by_role("article", name="The answer")
    expect(answer.locator(".answer")).to_have_text(re.compile("^Drive\\. It is the car"))
    expect(status(answer)).to_have_text("Converged in 2 rounds")
    expect(page.locator("#said")).to_have_text("Converged in 2 rounds. The answer is there.")
    expect(board).to_be_hidden()
    scores = page.get_by_role("region", name="Scores over rounds").get_by_role("row")
    expect(scores.nth(1)).to_have_text(re.compile(r"sim/careful\s*★\s*9\.2\s*9\.2"))
    expect(page.get_by_role("region", name="Mean score: ballots").get_by_role("row")).to_have_count(4)
    artefact(page, "run-desktop", whole=True)


def test_tokens_stream_from_a_real_wire_and_are_formatted_once_they_are_an_answer(
    page: Page, gate: LoopbackModels
) -> None:
    ask(page, "Walk or drive? Stream it.", "folkmoot/fanout", "loop/writer, loop/brief")
    tail = page.locator(".seat", has_text="loop/writer").locator(".tail")
    expect(tail).to_contain_text("car wash")
    assert "ANSWER" not in tail.inner_text()
    gate.let_through(1)
    said = page.locator(".panel > li", has_text="loop/writer").locator(".prose")
    expect(said.get_by_role("heading", name="Take the car")).to_be_visible()
    expect(said.locator("ol > li")).to_have_text(["start the engine", "drive 100 m", "wash it"])
    expect(said.get_by_role("row", name="drive 1")).to_be_visible()
    link = said.get_by_role("link", name="the manual")
    assert (link.get_attribute("href"), link.get_attribute("rel"), link.get_attribute("target")) == (
        "https://example.com/manual", "noopener noreferrer", "_blank",
    )  # fmt: skip


def test_options_are_a_form_made_of_the_protocols_schema_and_only_what_changed_is_sent(page: Page) -> None:
    asked: list[object] = []
    page.on("request", lambda request: asked.append(request.post_data_json) if request.method == "POST" else None)
    ask(page, f"{QUESTION} Two rounds.", "folkmoot/converge", "sim/careful?delay=0,sim/hasty?delay=0", {"Rounds": "2"})
    expect(status(page)).to_have_text("Converged in 2 rounds")
    assert asked == [{
        "prompt": f"{QUESTION} Two rounds.", "model": "folkmoot/converge",
        "models": ["sim/careful?delay=0", "sim/hasty?delay=0"], "options": {"rounds": 2},
    }]  # fmt: skip


def test_single_seats_can_be_given_roles(page: Page) -> None:
    page.get_by_text("Seats and options").click()
    roles = page.get_by_label("Roles of single seats")
    roles.fill("s1: skeptic")
    ask_button = page.get_by_role("button", name="Ask", exact=True)
    page.get_by_label("Your question").fill("Who is against it?")
    ask_button.click()
    expect(page.get_by_role("alert")).to_contain_text("write SEAT=TEXT")
    roles.fill("s7=skeptic")
    ask_button.click()
    expect(page.get_by_role("alert")).to_contain_text("s7")
    roles.fill("s1=skeptic\n\ns2 = Say what = is.")
    with page.expect_request(lambda request: request.method == "POST") as sent:
        ask_button.click()
    assert (sent.value.post_data_json or {})["roles"] == {"s1": "skeptic", "s2": "Say what = is."}
    page.wait_for_url("**/#/runs/*")
    expect(status(page)).to_be_visible()
    page.locator("#calls > summary").click()
    call = page.locator(".calls > li", has_text="sim/hasty").first
    call.locator("summary").first.click()
    call.get_by_text("What it was sent").click()
    expect(call.locator(".whole")).to_contain_text("Say what = is.")
    page.locator("summary", has=page.get_by_role("heading", name="Cost", exact=True)).click()
    expect(page.get_by_role("region", name="Cost of each seat").get_by_role("row", name="skeptic")).to_be_visible()


def test_what_is_wrong_with_a_question_is_said_beside_it(page: Page) -> None:
    page.get_by_label("Your question").fill("Who?")
    page.get_by_text("Seats and options").click()
    page.get_by_label("Models").fill("nosuchprovider/nomodel")
    page.get_by_role("button", name="Ask", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("nosuchprovider")
    expect(page.get_by_label("Your question")).to_have_value("Who?")


def test_a_run_can_be_cancelled_and_what_there_is_stays(page: Page) -> None:
    ask(page, "Will you stop?", "folkmoot/fanout", "sim/careful?delay=0, loop/stalling")
    expect(page.locator(".seat", has_text="sim/careful").get_by_text("answered")).to_be_visible()
    page.get_by_role("button", name="Cancel").click()
    expect(status(page)).to_have_text(re.compile("^(Interrupted|Unfinished)"))
    expect(page.get_by_text("This is a simulated seat").first).to_be_visible()
    expect(page.get_by_role("button", name="Resume")).to_be_visible()


def test_a_lost_connection_is_taken_up_again_and_nothing_is_counted_twice(
    opening: Opening, served: Served, gate: LoopbackModels
) -> None:
    with Line(served.port) as line:
        page = opening(where=line.url)
        ask(page, f"{QUESTION} Hold the line.", models=PAUSING)
        gate.let_through(1)
        expect(page.get_by_role("heading", name=re.compile("Round 2"))).to_be_visible()
        line.cut()
        expect(page.get_by_text("The connection is lost")).to_be_visible()
        gate.let_through(1)
        line.mend()
        expect(status(page)).to_have_text("Converged in 2 rounds")
        expect(page.get_by_text("The connection is lost")).to_be_hidden()
        expect(page.locator("#calls .note").first).to_have_text("18 calls")


def test_a_page_that_is_opened_late_catches_up(opening: Opening, gate: LoopbackModels) -> None:
    first = opening()
    ask(first, f"{QUESTION} Watch twice.", models=PAUSING)
    gate.let_through(1)
    expect(first.get_by_role("heading", name=re.compile("Round 2"))).to_be_visible()
    second = opening("#" + first.url.partition("#")[2])
    expect(second.get_by_role("heading", name=re.compile("Round 2"))).to_be_visible()
    gate.let_through(1)
    for page in (first, second):
        expect(status(page)).to_have_text("Converged in 2 rounds")
        expect(page.locator("#calls .note").first).to_have_text("18 calls")


def test_who_asks_before_the_page_knows_whom_is_answered_all_the_same(opening: Opening) -> None:
    page = opening("#/people")
    held: list[Route] = []
    page.route("**/api/v1/models", lambda route: held.append(route))
    page.get_by_role("link", name="Ask", exact=True).click()
    page.get_by_label("Your question").fill("What is 12 * 12?")
    page.get_by_label("Your question").press("Enter")
    expect(page.get_by_role("button", name="Asking …")).to_be_disabled()
    for each in held:
        each.continue_()
    expect(page.locator(".answer")).to_contain_text("144")
