"""vote: one round, plurality over answer keys."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from folkmoot.core.limits import Limits
from folkmoot.errors import ProviderError
from folkmoot.prompting import blocks
from folkmoot.record.store import RunSpec
from folkmoot.testing import Reply, ScriptedProvider
from folkmoot.types import Request, Result
from tests.play import new_folder, play, prompt_of, replayed, spec_for, steps


def saying(answers: Mapping[str, str], same: str = "") -> ScriptedProvider:
    """Seats that state these answers; whoever compares replies with `same`."""

    def script(request: Request) -> Reply:
        if request.about.phase.startswith("compare"):
            return same or ProviderError("request", "nobody compares here")
        said = answers[request.about.seat.name]
        return (
            ProviderError("auth", "no key") if said == "fails" else f"I am {request.about.seat.name}.\n\nANSWER: {said}"
        )

    return ScriptedProvider(script)


def votes(*said: str) -> dict[str, str]:
    return {f"s{number}": each for number, each in enumerate(said, 1)}


def weighted(protocol: str, weights: list[float], **options: Any) -> RunSpec:
    spec = spec_for(protocol, len(weights), **options)
    seats = tuple(seat.model_copy(update={"weight": each}) for seat, each in zip(spec.seats, weights, strict=True))
    return spec.model_copy(update={"seats": seats})


def won(result: Result) -> tuple[str, str | None]:
    return result.status, result.outcome.winner


@pytest.mark.parametrize(
    "said, winner",
    [
        (votes("7", "8", "8.0"), "s2"),
        (votes("7", "8", "9"), "s1"),
        (votes("8", "7", "7", "$8.00"), "s1"),
        (votes("fails", "7", "8", "8"), "s3"),
        (votes("I don't know", "N/A", "7", "7"), "s3"),
    ],
)
def test_most_seats_win_and_ties_go_to_the_earlier_one(said: dict[str, str], winner: str) -> None:
    result = play("vote", saying(said), len(said), early="off")
    assert (won(result), result.exit_code) == (("voted", winner), 0)
    assert result.answer == f"I am {winner}.\n\nANSWER: {said[winner]}"


def test_weights_settle_ties_only_when_they_are_to() -> None:
    provider = saying(votes("7", "8"))
    assert won(play(weighted("vote", [1.0, 2.0], early="off"), provider)) == ("voted", "s1")
    assert won(play(weighted("vote", [1.0, 2.0], early="off", ties="weight"), provider)) == ("voted", "s2")


def test_the_best_weighted_member_speaks_for_the_winners() -> None:
    result = play(weighted("vote", [1.0, 1.0, 3.0], early="off"), saying(votes("7", "8", "8")))
    assert won(result) == ("voted", "s3")


@pytest.mark.parametrize("early, answers", [("off", 5), ("finish", 5), ("cancel", 3)])
def test_a_lead_that_cannot_be_overtaken_ends_the_vote_if_it_may(early: str, answers: int, tmp_path: Path) -> None:
    result = play("vote", saying(votes("7", "7", "7", "8", "8")), 5, early=early, folder=new_folder(tmp_path))
    assert (won(result), len(result.outcome.answers)) == (("voted", "s1"), answers)
    assert replayed(new_folder(tmp_path)).outcome == result.outcome


def test_a_decided_vote_stands_although_the_calls_run_out() -> None:
    spec = spec_for("vote", 5, early="finish", limits=Limits(max_calls=3, retries=0))
    assert won(play(spec, saying(votes("7", "7", "7", "8", "8")))) == ("voted", "s1")


def test_an_undecided_vote_that_runs_out_of_calls_says_so() -> None:
    spec = spec_for("vote", 5, limits=Limits(max_calls=2, retries=0))
    result = play(spec, saying(votes("7", "8", "7", "8", "8")))
    assert (result.status, result.exit_code, result.answer) == ("max_calls", 2, "I am s1.\n\nANSWER: 7")


def test_texts_are_compared_in_one_call_by_the_first_seat() -> None:
    spec = spec_for("vote", 3)
    label = spec.labels
    same = json.dumps({"groups": [[label["s2"], label["s3"]], [label["s1"]]]})
    provider = saying(votes("Walk there", "Go by car", "Drive"), same)
    result = play(spec, provider)
    assert (won(result), steps(provider)[-1]) == (("voted", "s2"), "r1/compare/s1")
    shown = {each.attributes["label"]: each.text for each in blocks(prompt_of(provider.requests[-1]), "answer")}
    assert sorted(shown) == sorted(label.values()) and "Drive" in shown[label["s3"]]


@pytest.mark.parametrize("said", [votes("7", "8", "9"), votes("yes", "no"), votes("[1, 2]", "[2, 1]", "(1, 2)")])
def test_closed_answers_that_differ_are_not_compared(said: dict[str, str]) -> None:
    provider = saying(said, '{"groups": []}')
    play("vote", provider, len(said), early="off")
    assert not any("compare" in step for step in steps(provider))


def test_a_model_cannot_make_two_numbers_one_conclusion() -> None:
    spec = spec_for("vote", 3, early="off")
    same = json.dumps({"groups": [sorted(spec.labels.values())]})
    result = play(spec, saying(votes("7", "8", "8 or so"), same))
    assert result.outcome.details["groups"][0]["votes"] == 1


def test_where_the_comparison_fails_the_keys_decide() -> None:
    assert won(play("vote", saying(votes("Walk there", "Go by car", "go by car")), 3)) == ("voted", "s2")


def test_all_seats_failing_is_too_few_seats() -> None:
    assert play("vote", saying(votes("fails", "fails")), 2).exit_code == 3


def test_the_groups_are_reported_with_their_models() -> None:
    result = play("vote", saying(votes("7", "8", "8")), 3, early="off")
    assert result.outcome.details["groups"] == [
        {"answer": "8", "models": ["scripted/b", "scripted/c"], "votes": 2.0},
        {"answer": "7", "models": ["scripted/a"], "votes": 1.0},
    ]
