"""The page's pure parts, in the browser: folding events, reading Markdown, comparing texts, words."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from folkmoot import events
from folkmoot.machine.seats import seats_of
from folkmoot.providers.sim.personas import read_character
from folkmoot.providers.sim.replies import reply as simulate
from folkmoot.render.board import Board
from folkmoot.render.text import STATUS
from folkmoot.render.wording import duration, money, short, visible
from folkmoot.types import Request, Result
from tests.browser.conftest import Served
from tests.play import new_folder, play, spec_for

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def blank(browser: Browser, served: Served) -> Iterator[Page]:
    """A page whose modules can be called; nothing here leaves a trace in it."""
    page = browser.new_page()
    page.goto(f"{served.url}/#/people")
    yield page
    page.close()


def simulated(request: Request) -> str:
    personas = ("careful", "hasty", "contrarian")
    return simulate(request, read_character(personas[(request.about.seat.number - 1) % 3], {}))[0]


def recorded(tmp_path: Path, protocol: str) -> tuple[Result, list[events.Event]]:
    heard: list[events.Event] = []
    spec = spec_for(protocol, 3, prompt="The car wash is only 100m away from my house, should I walk or drive?")
    with ThreadPoolExecutor(1) as thread:  # in this one Playwright's loop runs
        result = thread.submit(play, spec, simulated, folder=new_folder(tmp_path), heard=heard).result()
    return result, heard


FOLD = """async log => {
    const { EMPTY, fold } = await import("/static/fold.js");
    const before = JSON.stringify(EMPTY);
    let state = EMPTY;
    for (const [at, event] of log.entries()) {
        const kept = JSON.stringify(state);
        const next = fold(state, event, at);
        if (JSON.stringify(state) !== kept) throw new Error(`${event.event} changed the state before it`);
        state = next;
    }
    if (JSON.stringify(EMPTY) !== before) throw new Error("what everything begins with was changed");
    return state;
}"""


def folded(page: Page, log: list[events.Event]) -> Any:
    return page.evaluate(FOLD, json.loads(json.dumps([events.as_json(each) for each in log])))


@pytest.mark.parametrize("protocol", ["ask", "converge", "debate", "council", "consortium", "synthesize"])
def test_folding_the_events_of_a_run_comes_to_what_the_terminals_board_says(
    protocol: str, blank: Page, tmp_path: Path
) -> None:
    result, heard = recorded(tmp_path, protocol)
    board = Board()
    for at, event in enumerate(heard):
        board.see(event, float(at))
    state = folded(blank, heard)
    assert [seat["model_id"] for seat in state["seats"]] == [row.name for row in board.rows.values()]
    assert f"{len(state['calls'])} calls" in board.totals(float(len(heard)))
    assert (state["inputTokens"], state["outputTokens"]) == (result.usage.input_tokens, result.usage.output_tokens)
    assert state["running"] == {} and state["over"]
    assert {seat["name"]: state["standing"].get(seat["name"], "waiting") for seat in state["seats"]} == {
        name: row.last for name, row in board.rows.items()
    }
    shown = {each["place"]: (each["started"], each["ended"]) for each in state["phases"]}
    assert {
        place: (len(each.started), len(each.ended)) for place, each in board.phases.items()
    }.items() <= shown.items()
    assert state["outcome"]["status"] == result.status


def test_a_panel_that_has_a_seat_shows_what_goes_on_inside_it(blank: Page) -> None:
    step, seats = "r1/answer/s1", seats_of(["panel/trio"])
    inner = events.CallFailed("r1/answer/s2", "s2", ("s2",), "rate", "wait")
    log: list[events.Event] = [
        events.RunStarted("run", "vote", "?", seats, {}, None),
        events.PhaseStarted(1, "answer"),
        events.CallStarted(step, "s1", ("s1",)),
        events.Inside(step, "s1", events.PhaseStarted(1, "propose")),
        events.Inside(step, "s1", inner),
    ]
    state = folded(blank, log)
    assert (state["running"][step]["phase"], state["running"][step]["calls"]) == ("propose", 1)
    shown = blank.evaluate(
        """async calls => (await import("/static/board.js")).doing(calls, "waiting", 0).words""",
        list(state["running"].values()),
    )
    assert shown == "propose, 1 call"


def test_every_prefix_of_a_run_folds_and_a_replay_of_it_folds_to_the_same(blank: Page, tmp_path: Path) -> None:
    _, heard = recorded(tmp_path, "converge")
    for end in range(0, len(heard), 7):
        folded(blank, heard[:end])
    once, twice = folded(blank, heard), folded(blank, [*heard, *heard])
    for each in (once, twice):
        each.pop("began")
    assert once == twice


STARTED = {"event": "call_started", "step": "r1/propose/s1", "seat": "s1", "key": ["s1"], "attempt": 1}


def said(text: str, attempt: int = 1) -> dict[str, Any]:
    return {**STARTED, "event": "text_delta", "text": text, "attempt": attempt}


@pytest.mark.parametrize(
    "log, text",
    [
        ([STARTED, said("Dri"), said("ve.")], "Drive."),
        ([STARTED, said("Wal"), said("Drive.", 2)], "Drive."),
        ([STARTED, said("Wal"), {**STARTED, "event": "attempt_failed", "attempt": 1, "wait": 3}], ""),
        ([STARTED, said("It is 9"), {**STARTED, "event": "repair_asked", "message": "no score"}, said("8")], "8"),
        ([STARTED, said("x" * 5000), said("end")], "x" * 3997 + "end"),
    ],
)
def test_text_grows_and_a_new_attempt_begins_anew(log: list[dict[str, Any]], text: str, blank: Page) -> None:
    running = blank.evaluate(FOLD, log)["running"]
    assert [each["text"] for each in running.values()] == [text]


MARKDOWN = """async text => {
    const { markdown } = await import("/static/markdown.js");
    return markdown(text).innerHTML;
}"""


@pytest.mark.parametrize(
    "text, shown",
    [
        ("one\ntwo", "<p>one\ntwo</p>"),
        ("one  \ntwo", "<p>one<br>two</p>"),
        ("# Title #", "<h3>Title</h3>"),
        ("a *b* **c** ~~d~~ `e`", "<p>a <em>b</em> <strong>c</strong> <s>d</s> <code>e</code></p>"),
        ("***both***", "<p><strong><em>both</em></strong></p>"),
        ("**a *b* c**", "<p><strong>a <em>b</em> c</strong></p>"),
        ("- a\n- b\n  - c", "<ul><li>a</li><li>b<ul><li>c</li></ul></li></ul>"),
        ("3. a\n4. b", '<ol start="3"><li>a</li><li>b</li></ol>'),
        ("```py\nx < 1\n```", "<pre><code>x &lt; 1</code></pre>"),
        ("> a\n> b", "<blockquote><p>a\nb</p></blockquote>"),
        ("a\n\n---\n\nb", "<p>a</p><hr><p>b</p>"),
        (
            "| a | b |\n|---|--:|\n| 1 | 2 |",
            '<div class="wide"><table><thead><tr><th>a</th><th class="end">b</th></tr></thead>'
            '<tbody><tr><td>1</td><td class="end">2</td></tr></tbody></table></div>',
        ),
        ("``a ` b``", "<p><code>a ` b</code></p>"),
        (r"\*a\*", "<p>*a*</p>"),
        ("```\nnever closed", "<pre><code>never closed</code></pre>"),
    ],
)
def test_markdown_is_read_as_models_write_it(text: str, shown: str, blank: Page) -> None:
    assert blank.evaluate(MARKDOWN, text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "2 * 3 * 4", "snake_case_name", "a * b", "**", "*", "[a](b)", "[a]", "5 > 3", "a|b",
        "#hashtag", "1.5 is more", "-5", "`", "~", "http://", "<b>bold</b>", "&lt;", "[x](javascript:y)",
        "![p](data:x)",
    ],
)  # fmt: skip
def test_what_is_no_markdown_stays_text(text: str, blank: Page) -> None:
    html = blank.evaluate(MARKDOWN, text)
    assert html.count("<") == 2 and html.startswith("<p>")


LINK = """async text => {
    const { markdown } = await import("/static/markdown.js");
    return [...markdown(text).querySelectorAll("a")].map(each => [each.textContent, each.href]);
}"""


@pytest.mark.parametrize(
    "text, links",
    [
        ("[a *b*](https://x.example/y)", [["a b", "https://x.example/y"]]),
        ("see https://x.example/y.", [["https://x.example/y", "https://x.example/y"]]),
        ("<http://x.example/>", [["http://x.example/", "http://x.example/"]]),
        ("[write](mailto:a@x.example)", [["write", "mailto:a@x.example"]]),
        ("![alt](https://x.example/p.png)", [["alt", "https://x.example/p.png"]]),
        ("[a](javascript:alert(1))", []),
        ("[a](JaVaScRiPt:x)", []),
        ("[a](\tjavascript:x)", []),
        ("[a](data:text/html,x)", []),
        ("[a](//x.example)", []),
        ("[a](file:///etc/passwd)", []),
        ("`https://x.example`", []),
    ],
)
def test_links_lead_to_pages_and_letters_only(text: str, links: list[list[str]], blank: Page) -> None:
    assert blank.evaluate(LINK, text) == links


@pytest.mark.parametrize(
    "before, after, pieces",
    [
        ("a b c", "a x c", [["same", "a "], ["removed", "b "], ["added", "x "], ["same", "c"]]),
        ("same", "same", [["same", "same"]]),
        ("", "new", [["added", "new"]]),
        ("old", "", [["removed", "old"]]),
        ("a\nb", "a\nb c", [["same", "a\n"], ["removed", "b"], ["added", "b c"]]),
    ],
)
def test_texts_are_compared_word_by_word(before: str, after: str, pieces: list[list[str]], blank: Page) -> None:
    compare = """async ([before, after]) => {
        const { diff } = await import("/static/diff.js");
        return diff(before, after).map(each => [each.kind, each.text]);
    }"""
    found = blank.evaluate(compare, [before, after])
    assert found == pieces
    assert "".join(text for kind, text in found if kind != "added") == before
    assert "".join(text for kind, text in found if kind != "removed") == after


def test_long_texts_are_compared_without_holding_the_page_up(blank: Page) -> None:
    took = blank.evaluate(
        """async () => {
            const { diff } = await import("/static/diff.js");
            const [one, other] = ["a b c d e ", "b d f h "].map(text => text.repeat(60_000));
            const begun = performance.now();
            const found = diff(one, other);
            const took = performance.now() - begun;
            return [took, found.filter(each => each.kind !== "added").map(each => each.text).join("") === one];
        }"""
    )
    assert took[0] < 3000 and took[1]


def test_the_page_has_the_terminals_words(blank: Page) -> None:
    def words(name: str, *arguments: object) -> Any:
        return blank.evaluate(
            "async ([name, ...given]) => (await import('/static/words.js'))[name](...given)", [name, *arguments]
        )

    assert blank.evaluate("async () => (await import('/static/words.js')).STATUS") == STATUS
    scores = [9.25, 9.35, 8.75, 8.25, 6.25, 0.05, 7.0, 10.0, 7.349999]
    assert [words("score", each) for each in scores] == [f"{each:.1f}" for each in scores]
    for seconds in (0.04, 2.0, 9.96, 12, 59.4, 75, 3725):
        assert words("duration", seconds) == duration(seconds)
    for usd in (0.0123, 12.5, 0.00001, 1234.5):
        assert words("money", usd) == money(usd)
    for tokens in (980, 1249, 25_300, 3_100_000):
        assert words("short", tokens) == short(tokens)
    for text in ("a\x1b[2Jb\r\nc\x9b", "\u202eabc\u2066", "plain\ttext\n", "\x7f"):
        assert words("visible", text) == visible(text)


FIELDS = """async schema => {
    const { fieldsOf, valueOf } = await import("/static/options.js");
    return fieldsOf(schema).map(each => [each.name, valueOf(each, " ")]);
}"""


def test_every_protocols_options_become_fields(blank: Page) -> None:
    from folkmoot.protocols import find_protocol, protocol_names

    for name in protocol_names():
        schema = find_protocol(name).options.model_json_schema()
        fields = blank.evaluate(FIELDS, schema)
        left_out = set(schema.get("properties", {})) - {field[0] for field in fields}
        assert left_out <= {"calibration", "value"}, "only what is a file's content has no field"
        assert all(field[1] is None for field in fields)
