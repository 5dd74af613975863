"""The exported page in a real browser, offline: it shows runs of every protocol, and nothing in it can run."""

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from folkmoot.blocking import wait_for
from folkmoot.proof.export_file import mailed
from folkmoot.protocols import protocol_names
from folkmoot.providers.sim.personas import read_character
from folkmoot.providers.sim.replies import reply as simulate
from folkmoot.record.store import RunFolder
from folkmoot.render.html import page as page_of
from folkmoot.types import JSON, Request
from tests.play import judges, new_folder, play, review, spec_for
from tests.protocols.cases import TRAP, Says, limits, quarrelling, rocky
from tests.protocols.show_of_hands import show_of_hands

T = TypeVar("T")

pytestmark = pytest.mark.browser

FLAGS = (
    "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-sync",
)  # fmt: skip
HOSTILE = "</script><script>window.hit = 1</script><img src=x onerror='window.hit = 2'> **bold** <b>tag</b>"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=list(FLAGS))
        yield running
        running.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page without a network, that must neither complain nor ask for anything."""
    context = browser.new_context(offline=True, viewport={"width": 1200, "height": 900})
    opened = context.new_page()
    complaints: list[str] = []
    asked: list[str] = []
    opened.on("console", lambda message: complaints.append(message.text))
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on("request", lambda request: asked.append(request.url))
    yield opened
    assert complaints == []
    assert [url for url in asked if not url.startswith(("file://", "blob:"))] == []
    context.close()


def aside(work: Callable[..., T], *arguments: Any, **named: Any) -> T:
    """Do something in another thread: in this one Playwright's loop runs, and a run wants one of its own."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(work, *arguments, **named).result()


def a_run(tmp_path: Path, protocol: str, script: Says = quarrelling, seats: int = 4, **asked: Any) -> RunFolder:
    folder = new_folder(tmp_path)
    aside(play, spec_for(protocol, seats, **({"prompt": TRAP} | asked)), script, folder=folder)
    return folder


def told_of(folder: RunFolder) -> JSON:
    return wait_for(mailed(folder, packed=True))


def opened(page: Page, folder: RunFolder, change: Any = None) -> Page:
    told = told_of(folder)
    if change is not None:
        change(told)
    file = folder.path / "page.html"
    file.write_text(page_of(told), "utf-8")
    page.goto(file.as_uri())
    return page


@pytest.mark.parametrize("name", sorted(protocol_names()))
def test_every_protocol_shows_what_it_counted(name: str, page: Page, tmp_path: Path) -> None:
    def says(request: Request) -> str:
        personas = ("careful", "hasty", "contrarian", "follower", "learner")
        return simulate(request, read_character(personas[(request.about.seat.number - 1) % 5], {}))[0]

    folder = a_run(tmp_path, name, says, 5)
    opened(page, folder)
    counts = told_of(folder)["counts"]
    last = [each for each in counts if (each["scope"], each["round"]) == (counts[-1]["scope"], counts[-1]["round"])]
    sheets = page.locator(".round[open] .sheet")
    expect(sheets).to_have_count(len(last))
    expect(sheets.last).to_contain_text(counts[-1]["outcome"]["explanation"])
    for at, count in enumerate(last):
        if count["ballots"]:
            expect(sheets.nth(at).locator("table").first.locator("tbody tr")).to_have_count(len(count["ballots"]))


@pytest.mark.parametrize("name", sorted(protocol_names()))
def test_also_where_seats_fail_and_the_run_is_cut_short(name: str, page: Page, tmp_path: Path) -> None:
    opened(page, a_run(tmp_path / "rocky", name, rocky))
    expect(page.locator(".round .sheet").first).to_be_attached()
    opened(page, a_run(tmp_path / "short", name, limits=limits(max_calls=7)))
    expect(page.locator(".verdict .badge")).to_be_visible()


def test_a_page_says_how_it_is_checked_and_claims_nothing(page: Page, tmp_path: Path) -> None:
    opened(page, a_run(tmp_path, "converge", judges({"s1": 9, "s2": 5, "s3": 6}), 3))
    expect(page.locator(".check code")).to_have_text("uvx folkmoot verify FILE")
    assert "recomputed" not in page.locator("main").inner_text().lower()


def test_a_ballot_stands_beside_its_reply_and_leads_to_its_call(page: Page, tmp_path: Path) -> None:
    def says(request: Request) -> str:
        if request.about.phase == "propose":
            return "An answer."
        return "I would rather not say." if request.about.seat.name == "s3" else review(9, "Right, and well put. " * 9)

    opened(page, a_run(tmp_path, "converge", says, 3, rounds=1, stability_rounds=1))
    rows = page.locator(".sheet table").first.locator("tbody tr")
    expect(rows.nth(0).locator("td").nth(2)).to_have_text("9")
    expect(rows.nth(4).locator("td").nth(2)).to_have_text("not counted")
    expect(rows.nth(4)).to_contain_text("I would rather not say.")
    rows.nth(0).locator("summary").click()
    expect(rows.nth(0).locator(".verbatim")).to_contain_text('"score": 9')
    rows.nth(0).get_by_role("button").click()
    expect(page.locator("#call h3")).to_contain_text("scripted/a about scripted/b")
    expect(page.locator("#call")).to_contain_text("Mean score: 9 for scripted/b")


def test_a_protocol_of_a_plugin_shows_its_count(page: Page, tmp_path: Path) -> None:
    with show_of_hands():
        opened(
            page, a_run(tmp_path, "show-of-hands", lambda request: "yes" if request.about.seat.number > 1 else "no", 3)
        )
    sheet = page.locator(".sheet")
    expect(sheet.locator("h3")).to_have_text("Show of hands needed: 2")
    expect(sheet.locator("table").first.locator("tbody tr").first).to_contain_text("scripted/a")
    expect(sheet.locator("tr.ahead td")).to_have_text(["★ yes", "2", "scripted/b, scripted/c"])
    expect(sheet.locator(".badge")).to_have_text("met")


@pytest.mark.parametrize("name", sorted(protocol_names()))
def test_every_position_can_be_shown(name: str, page: Page, tmp_path: Path) -> None:
    opened(page, a_run(tmp_path, name, rocky))
    count = int(page.locator("#position").get_attribute("max") or 0) + 1
    for number in range(1, count + 1):
        expect(page.locator("#where")).to_contain_text(f"{number} of {count} · ")
        page.keyboard.press("ArrowRight")
    expect(page.locator(".calls li")).to_have_count(count)


def test_nothing_a_model_wrote_can_run(page: Page, tmp_path: Path) -> None:
    opened(page, a_run(tmp_path, "converge", judges(8, lambda _: HOSTILE), prompt=HOSTILE))
    expect(page.locator("h1")).to_have_text(HOSTILE)
    expect(page.locator(".verdict .verbatim")).to_have_text(HOSTILE)
    assert page.evaluate("window.hit") is None
    assert page.locator("img, b, main script, iframe").count() == 0


def test_text_that_turns_round_shows_its_control_characters(page: Page, tmp_path: Path) -> None:
    opened(
        page, a_run(tmp_path, "fanout", lambda _: "It is \u202e42 ton\u202c, \x1b[2Jשלום", seats=2, prompt="a\u2066b")
    )
    said = page.locator("#call .verbatim").first
    expect(said).to_have_text("It is \ufffd42 ton\ufffd, \u241b[2Jשלום")
    expect(said).to_have_attribute("dir", "auto")
    assert not set(page.locator("main").inner_text()) & set("\u202e\u202c\u2066\x1b")


def test_the_policy_stops_what_would_be_put_in(browser: Browser, tmp_path: Path) -> None:
    folder = a_run(tmp_path, "fanout", lambda _: "Drive.")
    text = page_of(told_of(folder))
    file = tmp_path / "page.html"
    file.write_text(text.replace("</main>", "</main><script>window.hit = 1</script><img src='http://127.0.0.1:1/x'>"))
    shown = browser.new_page()
    refused: list[str] = []
    shown.on("console", lambda message: refused.append(message.text))
    shown.goto(file.as_uri())
    assert shown.evaluate("window.hit") is None
    assert len([each for each in refused if "Content Security Policy" in each]) == 2
    shown.close()


def test_an_unfinished_run_says_so(page: Page, tmp_path: Path) -> None:
    folder = a_run(tmp_path, "converge")
    folder.result_file.unlink()
    opened(page, folder)
    expect(page.locator(".check")).to_contain_text("unfinished")


def test_it_works_from_the_keyboard(page: Page, tmp_path: Path) -> None:
    opened(page, a_run(tmp_path, "converge", judges({"s1": 9, "s2": 5, "s3": 6}), 3))
    where = page.locator("#where")
    expect(where).to_have_text("1 of 18 · round 1, propose")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowLeft")
    expect(where).to_contain_text("2 of 18")
    page.keyboard.press("End")
    expect(where).to_have_text("18 of 18 · round 2, evaluate")
    expect(page.locator("#call h3")).to_contain_text("about")
    page.keyboard.press("Home")
    page.locator("#position").focus()
    page.keyboard.press("ArrowRight")
    expect(where).to_contain_text("2 of 18")
    page.locator("h1").click()
    page.keyboard.press("Space")
    expect(where).to_contain_text("4 of 18")
    page.keyboard.press("Space")
    expect(page.get_by_role("button", name="play")).to_be_visible()


def test_the_count_is_what_it_was_at_that_point(page: Page, tmp_path: Path) -> None:
    opened(page, a_run(tmp_path, "converge", judges({"s1": 9, "s2": 5, "s3": 6}), 3))
    expect(page.locator("#so-far")).to_have_text("Nobody is ahead at this point.")
    page.keyboard.press("End")
    expect(page.locator("#so-far")).to_have_text("Ahead at this point: scripted/a.")
    count = page.get_by_label("count")
    expect(count.locator("tr.ahead td")).to_have_text(["★ scripted/a", "9"])
    expect(count).to_contain_text("9.0 ≥ 8.0, stable 2/2")
    page.keyboard.press("ArrowLeft")
    expect(count).to_contain_text("5 of 6 ballots of the next count are in.")
    expect(count).to_contain_text("9.0/8.0, stable 1/2")


def test_a_reply_stands_beside_what_was_read_in_it_and_what_was_asked(page: Page, tmp_path: Path) -> None:
    opened(page, a_run(tmp_path, "converge", judges({"s1": 9, "s2": 5, "s3": 6}), 3, prompt="long " * 1500))
    page.keyboard.press("End")
    call = page.locator("#call")
    expect(call.locator(".verbatim").first).to_have_text(re.compile(r'"score": \d'))
    expect(call.locator("dl")).to_contain_text("overall assessment")
    call.get_by_text("What it was asked").click()
    expect(call.locator("details .verbatim").last).to_contain_text("long long long")
    expect(call.locator("details h4")).to_have_text(["system", "user"])


def test_who_endorsed_whom_is_shown(page: Page, tmp_path: Path) -> None:
    def says(request: Request) -> str:
        return "A proposal." if request.about.format == "text" else request.about.example

    opened(page, a_run(tmp_path, "debate", says, 3, early="off"))
    page.keyboard.press("End")
    majority = page.locator(".sheet", has_text="Majority")
    expect(majority.locator("tr.ahead td")).to_have_text(["★ scripted/b", "3", "scripted/a, scripted/b, scripted/c"])


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["converge", "debate", "brainstorm", "consortium"])
def test_a_phone_need_not_scroll_sideways(name: str, scheme: Any, browser: Browser, tmp_path: Path) -> None:
    context = browser.new_context(offline=True, color_scheme=scheme, viewport={"width": 390, "height": 800})
    shown = opened(context.new_page(), a_run(tmp_path, name, prompt="x" * 200))
    shown.get_by_text(re.compile(r"^All \d+ calls$")).click()
    shown.keyboard.press("End")
    assert shown.evaluate("document.documentElement.scrollWidth") == 390
    paper, ink = (
        shown.evaluate(f"getComputedStyle(document.body).{each}").strip("rgb()").split(", ")
        for each in ("backgroundColor", "color")
    )
    assert (sum(map(int, paper)) > sum(map(int, ink))) == (scheme == "light")
    context.close()
