"""One call as the record has it: what was sent, and what came back."""

from pathlib import Path
from typing import Any

import pytest

from folkmoot.core.journal import Journal
from folkmoot.core.limits import Limits
from folkmoot.errors import InputError, ProviderError
from folkmoot.machine.config import Config
from folkmoot.record.call_text import Exchange, exchanges
from folkmoot.record.store import Home, RunFolder
from folkmoot.running.runs import Machine, fork
from folkmoot.testing import Script, ScriptedProvider
from tests.play import judges, new_folder, play, review

LONG = "A long question. " * 5000  # kept in a file of its own


def converged(tmp_path: Path, script: Script = judges(9), **asked: Any) -> RunFolder:
    folder = new_folder(tmp_path)
    play("converge", script, 2, folder=folder, **asked)
    return folder


def only(folder: RunFolder, step: str) -> Exchange:
    (found,) = exchanges(folder, step)
    return found


def test_what_was_sent_stands_there_word_for_word_with_the_reply(tmp_path: Path) -> None:
    seats = ScriptedProvider(judges(9))
    folder = new_folder(tmp_path)
    play("converge", seats, 2, folder=folder)
    (request,) = [each for each in seats.requests if each.about.step == "r1/evaluate/s1>s2"]
    found = only(folder, "r1/evaluate/s1>s2")
    assert [(turn.role, turn.text) for turn in found.sent] == [
        ("system", request.system), ("user", request.messages[0].text),
    ]  # fmt: skip
    assert found.seat == "s1" and '"score": 9' in str(found.reply) and found.failure is None


def test_a_large_prompt_is_whole(tmp_path: Path) -> None:
    found = only(converged(tmp_path, prompt=LONG), "r1/propose/s1")
    assert LONG.strip() in found.sent[-1].text


def test_a_reply_that_could_not_be_read_is_there_with_what_was_asked_then(tmp_path: Path) -> None:
    first, again = exchanges(converged(tmp_path, lambda _: "Drive."), "r1/evaluate/s1>s2")
    assert (first.step, again.step) == ("r1/evaluate/s1>s2", "r1/evaluate/s1>s2+repair")
    assert first.reply == again.reply == "Drive."
    assert [turn.role for turn in again.sent] == ["system", "user", "assistant", "user"]
    assert "Your reply could not be read" in again.sent[-1].text


def test_a_call_that_failed_says_why(tmp_path: Path) -> None:
    script: Script = {"r1/propose/s2": ProviderError("auth", "no key"), "propose": "Drive.", "evaluate": review(9)}
    found = only(converged(tmp_path, script), "r1/propose/s2")
    assert (found.reply, found.failure) == (None, "auth: no key") and found.sent


def test_a_call_that_was_asked_again_is_shown_as_it_was_then(tmp_path: Path) -> None:
    folder = new_folder(tmp_path)
    play("vote", lambda _: "ANSWER: 7", 3, folder=folder, limits=Limits(max_calls=2), early="off")
    refused = only(folder, "r1/answer/s3")
    assert (refused.reply, refused.failure) == (None, "the run may make 2 calls, and has made them")
    journal = Journal(folder.journal)
    journal.forget("r1/answer/s3", "the limits have changed")
    journal.close()
    play(folder.spec(), lambda _: "ANSWER: 8", folder=folder, amend={"limits": {"max_calls": 20}})
    again = only(folder, "r1/answer/s3")
    assert (again.reply, again.failure) == ("ANSWER: 8", None) and again.sent == refused.sent


def test_a_fork_shows_what_its_source_sent(tmp_path: Path) -> None:
    home = Home(tmp_path)
    folder = converged(home.runs)
    machine = Machine({}, Config(), home)
    forked = fork(folder, machine, step=None, changes={"threshold": "7"})
    again = fork(forked, machine, step=None, changes={"threshold": "6"})
    assert only(again, "r1/propose/s1") == only(folder, "r1/propose/s1")


def test_where_the_source_is_gone_the_reply_stays(tmp_path: Path) -> None:
    home = Home(tmp_path)
    folder = converged(home.runs)
    forked = fork(folder, Machine({}, Config(), home), step=None, changes={"threshold": "7"})
    reply = only(folder, "r1/propose/s1").reply
    home.remove(folder)
    found = only(forked, "r1/propose/s1")
    assert found == Exchange(step="r1/propose/s1", seat="s1", sent=(), reply=reply)


@pytest.mark.parametrize("step", ["", "r9", "r1/propose/s1+repair", "../run.json"])
def test_a_step_there_is_not_names_those_there_are(tmp_path: Path, step: str) -> None:
    with pytest.raises(InputError, match=r"has no step .*; it has r1/propose/s1"):
        exchanges(converged(tmp_path), step)
