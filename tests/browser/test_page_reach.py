"""Who can use the page: from the keyboard, on a phone, in the dark, with a screen reader, with a key."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import PAUSING, Opening, artefact, ask, serve, status
from tests.frontends.car_wash import QUESTION
from tests.loopback import LoopbackModels

pytestmark = pytest.mark.browser

PHONE = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2, "is_mobile": True, "has_touch": True}
SCHEMES = pytest.mark.parametrize("scheme", ["light", "dark"])

# What is too faint to read, after WCAG 2: 4.5, for large text 3, times as bright as what it stands on.
FAINT = """() => {
    const channels = text => text.match(/[\\d.]+/g).map(Number);
    const bright = ([r, g, b]) => {
        const linear = c => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
        const [x, y, z] = [r, g, b].map(c => linear(c / 255));
        return 0.2126 * x + 0.7152 * y + 0.0722 * z;
    };
    const ground = element => {
        for (let at = element; at; at = at.parentElement) {
            const found = channels(getComputedStyle(at).backgroundColor);
            if (found[3] === undefined || found[3] === 1) return found;
        }
    };
    const faint = [];
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
        const element = texts.currentNode.parentElement;
        const style = getComputedStyle(element);
        if (!texts.currentNode.data.trim() || !element.checkVisibility({ opacityProperty: true })) continue;
        if (element.closest(".unseen, button:disabled, noscript, [open] > summary > .said")) continue;
        const [one, other] = [bright(channels(style.color)), bright(ground(element))].sort((a, b) => b - a);
        const large = parseFloat(style.fontSize) >= 24;
        if ((one + 0.05) / (other + 0.05) < (large ? 3 : 4.5)) faint.push(texts.currentNode.data.trim());
    }
    return faint;
}"""

UNNAMED = """() => [...document.querySelectorAll("input, select, textarea, button, a, dialog[open], progress, meter")]
    .filter(each => each.checkVisibility() && !(each.labels?.length || each.innerText?.trim()
        || each.getAttribute("aria-label") || each.getAttribute("aria-labelledby")))
    .map(each => each.outerHTML)"""

WIDE = "() => document.documentElement.scrollWidth > document.documentElement.clientWidth"


@SCHEMES
def test_everything_can_be_read_in_the_light_and_in_the_dark(
    scheme: str, opening: Opening, gate: LoopbackModels
) -> None:
    page = opening(color_scheme=scheme)
    page.get_by_text("Seats and options").click()
    assert page.evaluate(FAINT) == []
    assert page.evaluate(UNNAMED) == []
    artefact(page, f"ask-{scheme}")
    ask(page, f"{QUESTION} In the {scheme}.", models=PAUSING)
    expect(page.locator(".seat.writing").first).to_be_visible()
    assert page.evaluate(FAINT) == []
    artefact(page, f"board-{scheme}")
    gate.let_through(2)
    expect(status(page)).to_have_text("Converged in 2 rounds")
    expect(page.get_by_role("heading", name="Receipt", exact=True)).to_be_visible()
    artefact(page, f"run-{scheme}", whole=True)
    page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
    assert page.evaluate(FAINT) == []
    assert page.evaluate(UNNAMED) == []
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    assert page.evaluate(FAINT) == []


def test_on_a_phone_nothing_scrolls_sideways(opening: Opening, gate: LoopbackModels) -> None:
    page = opening(**PHONE)
    artefact(page, "ask-phone")
    page.get_by_text("Seats and options").click()
    assert not page.evaluate(WIDE)
    page.get_by_text("Seats and options").click()
    ask(
        page, f"{QUESTION} On a phone, with averyveryverylongwordthatneverendsandstillgoesonandonandon.", models=PAUSING
    )
    expect(page.locator(".seat.writing").first).to_be_visible()
    assert not page.evaluate(WIDE)
    artefact(page, "board-phone")
    gate.let_through(2)
    expect(status(page)).to_have_text("Converged in 2 rounds")
    expect(page.get_by_role("heading", name="Receipt", exact=True)).to_be_visible()
    assert not page.evaluate(WIDE)
    artefact(page, "run-phone", whole=True)
    page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
    assert not page.evaluate(WIDE)
    page.get_by_role("link", name="History").click()
    expect(page.locator("ul.runs li").first).to_be_visible()
    assert not page.evaluate(WIDE)
    artefact(page, "history-phone")


def test_a_question_is_asked_read_and_forked_without_a_mouse(page: Page) -> None:
    expect(page.get_by_label("Your question")).to_be_focused()
    page.keyboard.type("What is 12 * 12?")
    page.keyboard.press("Tab")
    expect(page.get_by_label("with", exact=True)).to_be_focused()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    expect(page.locator(".answer")).to_contain_text("144")
    calls = page.locator("#calls > summary")
    reach(page, calls)
    page.keyboard.press("Enter")
    reach(page, page.locator(".calls > li > details > summary").first)
    page.keyboard.press("Enter")
    reach(page, page.get_by_role("button", name="Fork here, before"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog", name="Fork here")).to_be_visible()
    assert page.evaluate("document.querySelector('dialog.do').contains(document.activeElement)")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()


def reach(page: Page, target: object) -> None:
    """Press Tab until the target has the focus, and see that the focus can be seen."""
    for _ in range(80):
        page.keyboard.press("Tab")
        if target.evaluate("each => each === document.activeElement"):  # type: ignore[attr-defined]
            assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
            return
    raise AssertionError(f"Tab never came to {target}")


def test_keys_lead_to_the_question_the_history_and_the_help(opening: Opening) -> None:
    page = opening("#/people")
    page.keyboard.press("h")
    expect(page.get_by_role("heading", name="History")).to_be_visible()
    page.get_by_label("Search in questions and answers").press("Escape")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_contain_text("write a question")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog", name="Keys")).to_be_hidden()
    page.get_by_role("button", name="Keys").click()
    page.get_by_role("dialog", name="Keys").get_by_role("button", name="Close").click()
    expect(page.get_by_role("dialog", name="Keys")).to_be_hidden()
    page.keyboard.press("/")
    expect(page.get_by_label("Your question")).to_be_focused()
    page.keyboard.type("h/?")
    expect(page.get_by_label("Your question")).to_have_value("h/?")


def test_without_motion_nothing_moves(opening: Opening, gate: LoopbackModels) -> None:
    page = opening(reduced_motion="reduce")
    ask(page, f"{QUESTION} Keep still.", models=PAUSING)
    dot = page.locator(".seat.writing .dot").first
    expect(dot).to_be_visible()
    assert dot.evaluate("each => getComputedStyle(each).animationName") == "none"
    gate.let_through(2)


def test_a_server_with_keys_asks_for_one_once(opening: Opening, tmp_path: Path, models: LoopbackModels) -> None:
    locked = serve(tmp_path, models)
    try:
        key = locked.run("serve", "--new-key", "phone").out.strip()
        page = opening(where=locked.url)
        expect(page.get_by_role("heading", name="This server wants a key")).to_be_visible()
        page.get_by_label("Key", exact=True).fill("wrong")
        page.get_by_role("button", name="Go on").click()
        expect(page.get_by_role("alert")).to_have_text(re.compile(".+"))
        page.get_by_label("Key", exact=True).fill(key)
        page.get_by_role("button", name="Go on").click()
        ask(page, "What is 7 * 8?", "folkmoot/fanout", "sim/careful?delay=0, sim/hasty?delay=0")
        expect(page.get_by_text("Every seat answered").first).to_be_visible()
        page.reload()
        expect(page.get_by_text("Every seat answered").first).to_be_visible()
    finally:
        locked.stop()
