"""Recorded seats: they repeat what was recorded, never more."""

import asyncio
import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from folkmoot.errors import PERMANENT, RETRYABLE, InputError, ProviderError
from folkmoot.machine.seats import seats_of
from folkmoot.providers import open_provider
from folkmoot.providers.base import Settings
from folkmoot.providers.recorded import Recordings
from folkmoot.testing import provider_contract, request
from folkmoot.types import Completion, Request
from tests.play import play, spec_for

QUESTION = "How many legs have\n  two cats?"
META = {"_meta": {"source": "a test"}}
ENTRY = {
    "id": "1", "task": "legs", "question": QUESTION, "gold": "8", "gold_key": "8",
    "answers": {"Alpha-2024-08": "Eight legs.", "beta": "8", "beta-mini": "Six?"},
    "keys": {"Alpha-2024-08": "8", "beta": "8", "beta-mini": "6"},
    "correct": {"Alpha-2024-08": 1, "beta": 1, "beta-mini": 0},
}  # fmt: skip


def record(path: Path, *lines: object) -> Path:
    text = "".join(json.dumps(line) + "\n" for line in lines).encode()
    path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)
    return path


def recordings(*paths: Path) -> Recordings:
    provider = open_provider("recorded", Settings(environ={}, recordings=paths))
    assert isinstance(provider, Recordings)
    return provider


def answer(provider: Recordings, asked: Request) -> Completion:
    return asyncio.run(provider.complete(asked, lambda _: None))


def failure(provider: Recordings, asked: Request) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        answer(provider, asked)
    return caught.value


@pytest.mark.parametrize("name", ["some.jsonl", "some.jsonl.gz"])
def test_a_recorded_question_is_answered_as_the_model_did(tmp_path: Path, name: str) -> None:
    provider = recordings(record(tmp_path / name, META, ENTRY))
    wrapped = request(f"Answer with care.\n\n{QUESTION}", question=" How many  legs have two cats?\n", model="beta")
    done = answer(provider, wrapped)
    assert (done.text, done.model, done.usd, done.list_usd) == ("8", "beta (recorded)", 0.0, None)
    assert answer(provider, request(QUESTION, model="beta", round=3)).text == "8"


def test_a_model_is_found_by_its_beginning_if_only_one_begins_so(tmp_path: Path) -> None:
    provider = recordings(record(tmp_path / "a.jsonl", META, ENTRY))
    assert answer(provider, request(QUESTION, model="alpha")).text == "Eight legs."
    assert answer(provider, request(QUESTION, model="beta-m")).text == "Six?"
    with pytest.raises(InputError, match="can be several recorded models: beta, beta-mini"):
        provider.check_model("bet")


def test_an_unknown_model_is_an_error_that_lists_the_known_ones(tmp_path: Path) -> None:
    many = {"question": "?", "answers": {f"model-{number:02}": "!" for number in range(30)}}
    provider = recordings(record(tmp_path / "a.jsonl", META, many))
    with pytest.raises(InputError) as caught:
        provider.check_model("gamma")
    assert "model-19, ..." in str(caught.value) and "model-20" not in str(caught.value)
    assert failure(provider, request("?", model="gamma")).kind == "model"


def test_each_further_seat_of_a_model_takes_the_next_sample(tmp_path: Path) -> None:
    several = {"question": "?", "answers": {"alpha": ["one", "two", None, ""], "beta": "only"}}
    provider = recordings(record(tmp_path / "a.jsonl", META, several))
    alone, *seats = (*seats_of(["recorded/alpha"]), *seats_of(["recorded/alpha"] * 5))
    assert answer(provider, request("?", model="alpha", seat=alone)).text == "one"
    assert [answer(provider, request("?", model="alpha", seat=seat)).text for seat in seats[:2]] == ["one", "two"]
    for seat, why in zip(seats[2:], ["is empty", "is empty", "holds 4 samples of alpha"], strict=True):
        error = failure(provider, request("?", model="alpha", seat=seat))
        assert error.kind == "unrecorded" and why in str(error)


def test_a_further_seat_of_a_model_that_was_recorded_once_abstains_and_says_so(tmp_path: Path) -> None:
    path = record(tmp_path / "a.jsonl", META, ENTRY)
    spec = spec_for("vote", ["recorded/beta", "recorded/beta"], prompt=QUESTION, early="off")
    result = play(spec, recordings(path))
    assert result.answer == "8"
    assert [(each.model_id, each.kind, each.message) for each in result.failures] == [
        (
            "recorded/beta#2", "unrecorded",
            "the recording holds one sample of beta for this question, so its seat #2 abstains",
        )
    ]  # fmt: skip


def test_an_unknown_question_is_not_answered(tmp_path: Path) -> None:
    provider = recordings(record(tmp_path / "a.jsonl", META, ENTRY))
    error = failure(provider, request("How many legs have three cats?", model="beta"))
    assert (error.kind, str(error)) == ("missing", "the recordings hold no answer of beta to this question")


def test_a_question_that_another_model_answered_is_not_answered_with_that(tmp_path: Path) -> None:
    other = {"question": "Why?", "answers": {"gamma": "Because."}}
    provider = recordings(record(tmp_path / "a.jsonl", META, ENTRY, other))
    assert failure(provider, request("Why?", model="beta")).kind == "missing"


@pytest.mark.parametrize("phase", ["evaluate", "vote", "rank", "rebut", "synthesize", "confirm"])
def test_a_recorded_seat_abstains_where_it_would_need_an_opinion_of_others(tmp_path: Path, phase: str) -> None:
    provider = recordings(record(tmp_path / "a.jsonl", META, ENTRY))
    kind = failure(provider, request(QUESTION, model="beta", phase=phase, format="review")).kind
    assert kind == "unrecorded"
    assert kind not in PERMANENT and kind not in RETRYABLE


def test_the_right_answers_in_a_file_change_nothing(tmp_path: Path) -> None:
    other: dict[str, Any] = ENTRY | {
        "gold": "7", "gold_key": None, "keys": "?", "correct": {"beta": 0}, "options": 4,
    }  # fmt: skip
    del other["task"]
    ways = [recordings(record(tmp_path / f"{n}.jsonl", META, entry)) for n, entry in enumerate((ENTRY, other))]
    for model in ("alpha", "beta", "beta-mini"):
        first, second = (answer(provider, request(QUESTION, model=model)) for provider in ways)
        assert first == second


def test_several_files_are_read_as_one_and_the_first_to_answer_counts(tmp_path: Path) -> None:
    again = {"question": QUESTION, "answers": {"beta": "Nine.", "gamma": "Ten."}}
    provider = recordings(record(tmp_path / "a.jsonl", META, ENTRY), record(tmp_path / "b.jsonl.gz", META, again))
    assert answer(provider, request(QUESTION, model="beta")).text == "8"
    assert answer(provider, request(QUESTION, model="gamma")).text == "Ten."


@pytest.mark.parametrize(
    "line, said",
    [
        ("{", "line 2, column 2: this is not JSON"),
        ("[]", 'line 2: a recording needs "question" and "answers"'),
        ('{"question": "?"}', 'line 2: a recording needs "question" and "answers"'),
        ('{"question": "?", "answers": {"a": null}}', "line 2: the answer of a is neither a text nor a list of texts"),
        (
            '{"question": "?", "answers": {"a": ["7", 8]}}',
            "line 2: the answer of a is neither a text nor a list of texts",
        ),
        ("\x00", "line 2, column 1: a NUL"),
    ],
)
def test_a_bad_line_is_named_with_its_file(tmp_path: Path, line: str, said: str) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text(json.dumps(META) + "\n" + line + "\n")
    with pytest.raises(InputError) as caught:
        recordings(path).check_model("a")
    assert "bad.jsonl" in str(caught.value) and said in str(caught.value)
    assert failure(recordings(path), request("?", model="a")).kind == "missing"


def test_a_file_that_is_cut_or_in_another_encoding_is_named(tmp_path: Path) -> None:
    cut = record(tmp_path / "cut.jsonl.gz", META, ENTRY)
    cut.write_bytes(cut.read_bytes()[:-20])
    latin = tmp_path / "latin.jsonl"
    latin.write_bytes(b'{"question": "caf\xe9", "answers": {}}\n')
    for path in (cut, latin):
        with pytest.raises(InputError, match=path.name):
            recordings(path).check_model("beta")


def test_without_a_recording_or_with_one_that_is_absent_nothing_opens(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--recording"):
        recordings()
    with pytest.raises(InputError, match=r"nowhere\.jsonl is not there"):
        recordings(tmp_path / "nowhere.jsonl")


def test_replay_is_another_name_for_it(tmp_path: Path) -> None:
    path = record(tmp_path / "a.jsonl", META, ENTRY)
    assert isinstance(open_provider("replay", Settings(environ={}, recordings=(path,))), Recordings)


def test_recordings_keep_the_provider_contract(tmp_path: Path) -> None:
    path = record(tmp_path / "a.jsonl.gz", META, ENTRY)
    asyncio.run(provider_contract(lambda: recordings(path), request(QUESTION, model="alpha")))
