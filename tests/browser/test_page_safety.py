"""What models write is text: nothing of it runs, is fetched, or turns the page round."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Opening, Served, ask
from tests.browser.replies import HUGE, NASTY

pytestmark = pytest.mark.browser

FETCHING = "img, iframe, script, style, link, object, embed, video, audio, form, svg, base, meta"


def opened(page: Page, seat: str) -> None:
    """Ask that seat and one other, and open everything there is to open."""
    ask(page, f"What does {seat} say?", "folkmoot/fanout", f"loop/{seat}, loop/brief")
    expect(page.get_by_text("Every seat answered").first).to_be_visible()
    expect(page.get_by_role("heading", name="Receipt", exact=True)).to_be_visible()
    page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")


def test_nothing_that_a_model_writes_runs_or_is_fetched(page: Page) -> None:
    opened(page, "hostile")
    said = page.locator(".panel > li", has_text="loop/hostile").locator(".prose")
    expect(said).to_contain_text('<script>window.ran = "script"</script>')
    expect(said).to_contain_text("press here (javascript:window.ran='link')")
    assert said.locator(FETCHING).count() == 0
    assert page.locator("main").locator("script, iframe, img, style, svg, link").count() == 0
    assert page.locator("[onclick], [onerror], [onload], [style]").count() == 0
    for link in page.locator(".prose a").all():
        assert (link.get_attribute("href") or "").startswith("https://")
        assert (link.get_attribute("rel"), link.get_attribute("target")) == ("noopener noreferrer", "_blank")
    assert page.evaluate("window.ran") is None


def test_what_somebody_asks_is_text_too(page: Page) -> None:
    ask(page, "<img src=x onerror='window.ran=1'>\n<script>window.ran=2</script>", "folkmoot/fanout", "loop/brief")
    expect(page.get_by_role("heading", level=1)).to_contain_text("<img src=x onerror='window.ran=1'> <script>")
    page.get_by_text("The whole question").click()
    page.get_by_role("link", name="History").click()
    expect(page.locator("ul.runs").get_by_text("<img src=x").first).to_be_visible()
    assert page.evaluate("window.ran") is None


def test_the_servers_policy_forbids_inline_scripts_and_other_hosts(opening: Opening, served: Served) -> None:
    page = opening()
    policy = page.request.get(served.url).headers["content-security-policy"]
    assert "script-src 'self'" in policy and "unsafe" not in policy and "default-src 'none'" in policy


def test_text_that_turns_round_or_rings_shows_its_control_characters(page: Page) -> None:
    opened(page, "turning")
    said = page.locator(".panel > li", has_text="loop/turning").locator(".prose")
    expect(said).to_contain_text("The answer is \ufffd42 ton si\ufffd and \u241b[2Jnothing\u2407 \ufffdelse\ufffd")
    expect(said).to_contain_text("العربية")
    everything = page.locator("main").inner_text()
    assert not set(everything) & set("\u202e\u202c\u2066\u2069\x1b\x07")


def test_a_megabyte_is_shown_in_a_box_of_its_own_and_the_page_stays_quick(page: Page) -> None:
    opened(page, "huge")
    other = page.locator(".panel > li", has_text="loop/huge")
    box = other.locator("pre.raw")
    assert page.evaluate("box => box.textContent.length", box.element_handle()) == 100_000
    other.get_by_role("button", name="Show all 1,048,575 characters").click()
    expect(box).to_be_focused()
    assert page.evaluate("box => box.textContent.length", box.element_handle()) == len(HUGE.strip())
    assert page.evaluate("box => box.clientHeight < 600 && box.scrollHeight > 10000", box.element_handle())
    page.get_by_role("link", name="Ask", exact=True).click()
    expect(page.get_by_label("Your question")).to_be_focused()


def test_marks_that_nothing_closes_do_not_hold_the_page_up(page: Page) -> None:
    opened(page, "nasty")
    took = page.evaluate(
        """async text => {
            const { markdown } = await import("/static/markdown.js");
            const begun = performance.now();
            const made = markdown(text);
            return [performance.now() - begun, made.textContent.split("[").length];
        }""",
        NASTY[:99_000],
    )
    assert took[0] < 2000 and took[1] == NASTY[:99_000].count("[") + 1
