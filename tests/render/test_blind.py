"""The view of somebody who has a seat: how far the run is, and nothing of who says what."""

import io

import pytest

from folkmoot import events
from folkmoot.protocols import protocol_names
from folkmoot.render.blind import BlindView
from tests.play import play

SEATS = ("scripted/gpt-5.4", "scripted/claude-opus", "scripted/gemini-3")
SECRET = "xyzzy"


def shown(heard: list[events.Event]) -> str:
    stream = io.StringIO()
    with BlindView(stream) as view:
        for event in heard:
            view(event)
    return stream.getvalue()


@pytest.mark.parametrize("name", protocol_names())
def test_of_no_protocol_it_shows_a_models_name_or_a_word_that_was_said(name: str) -> None:
    heard: list[events.Event] = []
    play(name, lambda request: SECRET if request.about.format == "text" else request.about.example, SEATS, heard=heard)
    seen = shown(heard)
    assert "Round 1/" in seen
    assert not [word for word in (SECRET, "scripted", "gpt", "claude", "gemini") if word in seen]


def test_it_counts_who_answered_and_who_did_not() -> None:
    heard: list[events.Event] = []
    play("fanout", {"r1/answer/s1": "One.", "r1/answer/s2": "Two."}, 3, heard=heard)
    assert "    answer: 2 replies, 1 without a reply\n" in shown(heard)


def test_a_notice_is_shown_without_anything_that_steers_the_terminal() -> None:
    assert shown([events.Notice("look\x1b[2J here")]) == "  look␛[2J here\n"
