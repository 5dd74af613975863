"""converge: the rules of refinery's README, by its golden vectors and on a grid of thresholds."""

from collections.abc import Callable
from typing import Any

import pytest

from folkmoot import events
from folkmoot.core.journal import Journal
from folkmoot.core.limits import Limits
from folkmoot.errors import InputError, ProviderError
from folkmoot.prompting import blocks
from folkmoot.testing import Reply, ScriptedProvider
from folkmoot.types import Request, Result
from tests.play import author_of, judges, play, prompt_of, review, spec_for, steps


def decided(result: Result) -> tuple[str, str | None, int, int]:
    """Status, winner, final round, calls."""
    return result.status, result.outcome.winner, result.outcome.round, result.total_calls


def failing(seat: str, error: ProviderError, phase: str = "propose", since: int = 1) -> Callable[[Request], Reply]:
    """All seats score 8, but one fails in a phase from a round on."""

    def script(request: Request) -> Reply:
        about = request.about
        if (about.seat.name, about.phase) == (seat, phase) and about.round >= since:
            return error
        return judges(8)(request)

    return script


TRANSIENT = ProviderError("server", "overloaded")
PERMANENT = ProviderError("auth", "the key was refused")


# ----- golden vectors


def test_two_seats_that_score_everything_8_converge_in_round_2_on_the_earlier_seat() -> None:
    result = play("converge", judges(8), 2)
    assert decided(result) == ("converged", "s1", 2, 8)
    assert (result.exit_code, result.answer) == (0, "s1 in round 2")
    assert result.outcome.scores == ({"s1": 8, "s2": 8}, {"s1": 8, "s2": 8})


def test_the_seat_whose_answer_scores_higher_wins() -> None:
    by_judge = {"s1": 9, "s2": 8}  # so s2's answer gets 9
    result = play("converge", judges(lambda request: by_judge[request.about.seat.name]), 2)
    assert decided(result) == ("converged", "s2", 2, 8)
    assert result.outcome.leader == "s2"
    assert [(each.seat, each.score) for each in result.outcome.answers] == [("s1", 8), ("s2", 9)]


def test_a_seat_that_fails_for_now_is_asked_again_in_the_next_round() -> None:
    result = play("converge", failing("s3", TRANSIENT), 3, rounds=2)
    assert decided(result) == ("converged", "s1", 2, 10)
    assert [failure.step for failure in result.failures] == ["r1/propose/s3", "r2/propose/s3"]
    assert result.degraded


def test_a_seat_that_fails_for_good_is_not_asked_again() -> None:
    heard: list[events.Event] = []
    result = play("converge", failing("s3", PERMANENT), 3, rounds=2, heard=heard)
    assert decided(result) == ("converged", "s1", 2, 9)
    assert result.dropped == ("scripted/c",)
    assert [(each.seat, each.round) for each in heard if isinstance(each, events.SeatDropped)] == [("s3", 1)]


@pytest.mark.parametrize("error", [TRANSIENT, PERMANENT])
def test_with_one_seat_left_the_last_leader_stands_and_the_round_that_failed_is_named(error: ProviderError) -> None:
    result = play("converge", failing("s2", error, since=2), 2)
    assert decided(result) == ("insufficient_models", "s1", 2, 6)
    assert (result.exit_code, result.answer) == (3, "s1 in round 1")


def test_fewer_than_two_answers_in_round_1_leave_no_winner() -> None:
    result = play("converge", failing("s2", PERMANENT), 2)
    assert decided(result) == ("insufficient_models", None, 1, 2)
    assert (result.exit_code, result.answer) == (3, None)


def test_without_any_score_the_rounds_run_out_and_scores_are_absent_not_zero() -> None:
    result = play("converge", judges(lambda _: "none"), 2, rounds=2)
    assert decided(result) == ("max_rounds_exceeded", None, 2, 8)
    assert (result.exit_code, result.answer, result.outcome.leader) == (2, None, None)
    assert [each.score for each in result.outcome.answers] == [None, None]
    assert result.outcome.scores == ({}, {})
    assert result.outcome.explanation == "nobody has a score"


@pytest.mark.parametrize(
    ("scoring", "seats", "calls"),
    [
        *(("pairwise", seats, calls) for seats, calls in [(1, 1), (2, 4), (3, 9), (5, 25), (7, 49)]),
        *(("batch", seats, calls) for seats, calls in [(1, 1), (2, 4), (3, 6), (7, 14), (9, 18)]),
    ],
)
def test_calls_per_round_are_the_square_of_the_seats_or_twice_the_seats(scoring: str, seats: int, calls: int) -> None:
    def script(request: Request) -> str:
        return request.about.example

    assert play("converge", script, seats, rounds=1, stability_rounds=1, scoring=scoring).total_calls == calls


# ----- the rule


@pytest.mark.parametrize(
    ("score", "stability", "converged_in"),
    [(7.9, 2, None), (8.0, 1, 1), (8.0, 2, 2), (9.5, 3, 3), (10, 2, 2), (8.0, 5, 5), (1, 1, None), (7.99, 1, None)],
)
def test_the_best_mean_must_reach_the_threshold_while_the_same_seat_leads(
    score: float, stability: int, converged_in: int | None
) -> None:
    result = play("converge", judges({"s1": score, "s2": 1}), 2, stability_rounds=stability)
    expected = ("converged", "s1", converged_in) if converged_in else ("max_rounds_exceeded", None, 5)
    assert (result.status, result.outcome.winner, result.outcome.round) == expected
    assert result.exit_code == (0 if converged_in else 2)


def by_round(*rounds: dict[str, float]) -> Callable[[Request], str]:
    return judges(lambda request: rounds[request.about.round - 1][author_of(request)])


def test_a_change_of_the_leader_starts_the_count_again() -> None:
    script = by_round({"s1": 9, "s2": 8}, {"s1": 8, "s2": 9}, {"s1": 8, "s2": 9})
    assert decided(play("converge", script, 2))[:3] == ("converged", "s2", 3)


def test_a_round_without_scores_starts_the_count_again() -> None:
    def script(request: Request) -> str:
        return judges(0 if request.about.round == 2 else 9)(request)

    assert decided(play("converge", script, 2))[:3] == ("converged", "s1", 4)


def test_a_tie_goes_to_the_previous_leader() -> None:
    script = by_round({"s1": 8, "s2": 9, "s3": 7}, {"s1": 9, "s2": 9, "s3": 9})
    assert decided(play("converge", script, 3))[:3] == ("converged", "s2", 2)


def test_a_tie_without_a_previous_leader_goes_to_the_earlier_seat() -> None:
    script = by_round({"s1": 7, "s2": 9, "s3": 9}, {"s1": 7, "s2": 9, "s3": 9})
    assert decided(play("converge", script, 3))[:3] == ("converged", "s2", 2)


def test_the_same_scores_from_other_judges_are_a_tie_whatever_their_order() -> None:
    given = {"s1": (8.1, 7.9, 8.3), "s2": (8.3, 8.1, 7.9), "s3": (7.9, 8.3, 8.1), "s4": (8.1, 8.3, 7.9)}

    def script(request: Request) -> object:
        judge, author = request.about.step.rpartition("/")[2].split(">")
        return given[author][[each for each in given if each != author].index(judge)]

    result = play("converge", judges(script), 4)
    assert decided(result)[:3] == ("converged", "s1", 2)
    assert len({each.score for each in result.outcome.answers}) == 1


def test_scores_that_average_the_threshold_on_paper_reach_it() -> None:
    given = {"s1": 7.1, "s2": 9.2, "s3": 7.7}  # what each gives s4: 24, but 23.999999999999996 as binary fractions

    def script(request: Request) -> object:
        judge, author = request.about.step.rpartition("/")[2].split(">")
        return given[judge] if author == "s4" else 1

    assert decided(play("converge", judges(script), 4))[:3] == ("converged", "s4", 2)


def test_scores_are_kept_as_written() -> None:
    result = play("converge", judges({"s1": 8.4, "s2": 8.25}), 2, rounds=2)
    assert [each.score for each in result.outcome.answers] == [8.4, 8.25]


def test_when_rounds_run_out_the_answers_and_scores_stand_without_a_winner() -> None:
    result = play("converge", judges({"s1": 7, "s2": 6, "s3": 5}), 3, rounds=3)
    assert decided(result) == ("max_rounds_exceeded", None, 3, 27)
    assert (result.answer, result.outcome.leader) == (None, "s1")
    assert [(each.seat, each.score) for each in result.outcome.answers] == [("s1", 7), ("s2", 6), ("s3", 5)]


def test_one_score_is_enough_for_a_mean() -> None:
    def script(request: Request) -> Reply:
        if request.about.phase == "evaluate" and request.about.step.endswith(("s2>s1", "s3>s1")):
            return TRANSIENT if request.about.seat.name == "s2" else review(9)
        return judges(7)(request)

    result = play("converge", script, 3)
    assert decided(result)[:3] == ("converged", "s1", 2)
    assert result.outcome.answers[0].score == 9


# ----- one seat, many seats, twins


def test_one_seat_is_asked_once_and_stands_unjudged() -> None:
    provider = ScriptedProvider("391")
    result = play("converge", provider, 1)
    assert decided(result) == ("single_model", "s1", 1, 1)
    assert (result.exit_code, result.answer, result.outcome.answers[0].score) == (0, "391", None)
    assert steps(provider) == ["r1/propose/s1"]


def test_one_seat_that_fails_is_an_error() -> None:
    result = play("converge", PERMANENT, 1)
    assert (result.status, result.exit_code, result.answer) == ("failed", 1, None)
    assert "the key was refused" in result.outcome.explanation


def test_twins_of_one_model_are_seats_of_their_own() -> None:
    result = play("converge", judges({"s1": 7, "s2": 9}), ["scripted/a", "scripted/a"])
    assert decided(result)[:2] == ("converged", "s2")
    assert result.winner is not None and result.winner.model_id == "scripted/a#2"


def test_more_than_seven_seats_can_sit_together() -> None:
    assert decided(play("converge", judges(9), 9)) == ("converged", "s1", 2, 162)


# ----- what is asked


def asked(provider: ScriptedProvider, step: str) -> Request:
    return next(request for request in provider.requests if request.about.step == step)


def seen(request: Request) -> list[tuple[str, str]]:
    return [(each.kind, each.text) for each in blocks(prompt_of(request))]


def detailed(request: Request) -> str:
    judge = request.about.seat.name
    if request.about.phase == "propose":
        return judges(8)(request)
    return review(6, f"{judge} finds it thin", strengths=[f"{judge} likes it"], weaknesses=["no proof"])


def second_prompt(strategy: str, **options: Any) -> Request:
    """What s1 is asked in round 2."""
    provider = ScriptedProvider(detailed)
    play("converge", provider, 3, rounds=2, iteration_strategy=strategy, **options)
    return asked(provider, "r2/propose/s1")


def test_a_blind_seat_is_asked_the_same_again() -> None:
    provider = ScriptedProvider(detailed)
    play("converge", provider, 3, rounds=2, iteration_strategy="blind")
    assert asked(provider, "r1/propose/s1").messages == asked(provider, "r2/propose/s1").messages


def test_with_score_only_a_seat_sees_its_answer_and_its_mean() -> None:
    request = second_prompt("score-only")
    assert seen(request) == [("question", "What is 17 * 23?"), ("own", "s1 in round 1")]
    assert "Its mean score: 6.0 of 10." in prompt_of(request)


def test_with_own_reviews_a_seat_sees_in_full_what_was_said_of_its_answer() -> None:
    request = second_prompt("own-reviews")
    said = [
        f"Score: 6 of 10\n{judge} finds it thin\nStrengths:\n- {judge} likes it\nWeaknesses:\n- no proof"
        for judge in ("s2", "s3")
    ]
    assert seen(request) == [
        ("question", "What is 17 * 23?"), ("own", "s1 in round 1"), ("review", said[0]), ("review", said[1]),
    ]  # fmt: skip


def test_with_full_visibility_a_seat_also_sees_the_other_answers_under_their_labels() -> None:
    request = second_prompt("full-visibility")
    labels = spec_for("converge").labels
    shown = [(each.text, each.attributes["label"]) for each in blocks(prompt_of(request), "answer")]
    assert sorted(shown) == sorted([("s2 in round 1", labels["s2"]), ("s3 in round 1", labels["s3"])])
    assert [kind for kind, _ in seen(request)][:4] == ["question", "own", "review", "review"]


def test_a_seat_that_was_away_in_the_last_round_sees_what_it_said_before() -> None:
    provider = ScriptedProvider(
        lambda request: TRANSIENT if request.about.step == "r2/propose/s1" else judges(7)(request)
    )
    play("converge", provider, 3, rounds=3, iteration_strategy="own-reviews")
    prompt = prompt_of(asked(provider, "r3/propose/s1"))
    assert "Your answer in round 1:" in prompt and "Your answer in round 2:" not in prompt


def test_an_answer_that_nobody_scored_is_said_to_have_no_score() -> None:
    def script(request: Request) -> str:
        return judges("none" if author_of(request) == "s1" else 7)(request)  # type: ignore[arg-type]

    provider = ScriptedProvider(script)
    play("converge", provider, 2, rounds=2, iteration_strategy="score-only")
    assert "Nobody scored it." in prompt_of(asked(provider, "r2/propose/s1"))


def test_the_question_comes_first_and_the_form_of_the_reply_last() -> None:
    provider = ScriptedProvider(detailed)
    play("converge", provider, 3, rounds=2)
    for request in provider.requests:
        assert request.messages[-1].parts[0].endswith(">") and "What is 17 * 23?" in request.messages[-1].parts[0]
        if request.about.phase == "evaluate":
            assert request.messages[-1].parts[-1].endswith("`score` is a number from 1 to 10.")


# ----- batch scoring


def score_all(request: Request) -> str:
    if request.about.phase == "propose":
        return judges(8)(request)
    labels = [each.attributes["label"] for each in blocks(request.messages[0].text, "answer")]
    return "\n".join(f"{label}: {9 if label == spec_for('converge').labels['s2'] else 6}" for label in labels)


def test_batch_scoring_takes_one_call_per_judge_and_maps_labels_back_to_seats() -> None:
    provider = ScriptedProvider(score_all)
    result = play("converge", provider, 3, scoring="batch")
    assert decided(result) == ("converged", "s2", 2, 12)
    assert [(each.seat, each.score) for each in result.outcome.answers] == [("s1", 6), ("s2", 9), ("s3", 6)]
    assert [step for step in steps(provider) if "r1/evaluate" in step] == [f"r1/evaluate/s{n}" for n in (1, 2, 3)]


def test_a_batch_that_leaves_an_answer_out_is_asked_for_again() -> None:
    def script(request: Request) -> str:
        if request.about.phase == "evaluate" and not request.about.step.endswith("+repair"):
            return score_all(request).splitlines()[0]
        return score_all(request)

    result = play("converge", script, 3, scoring="batch")
    assert decided(result) == ("converged", "s2", 2, 12)
    assert result.repairs == 6


# ----- seats that fail, overrides


def test_an_unreadable_review_is_asked_for_once_more_and_is_then_an_abstention() -> None:
    def script(request: Request) -> str:
        return judges("high" if request.about.step.startswith("r1/evaluate/s1>s2") else 8)(request)  # type: ignore[arg-type]

    provider = ScriptedProvider(script)
    result = play("converge", provider, 3, rounds=2)
    assert "r1/evaluate/s1>s2+repair" in steps(provider)
    repair = asked(provider, "r1/evaluate/s1>s2+repair")
    assert [message.role for message in repair.messages] == ["user", "assistant", "user"]
    assert "no number in the score 'high'" in prompt_of(repair)
    assert [(each.step, each.kind, each.dropped) for each in result.failures] == [
        ("r1/evaluate/s1>s2", "unparseable", False)
    ]
    assert (result.status, result.total_calls, result.repairs, result.dropped) == ("converged", 18, 1, ())


def test_a_seat_that_is_silent_in_two_phases_in_a_row_leaves_the_run() -> None:
    provider = ScriptedProvider(failing("s3", TRANSIENT))
    result = play("converge", provider, 3, threshold=9, rounds=4)
    assert [step for step in steps(provider) if step.endswith("propose/s3")] == ["r1/propose/s3", "r2/propose/s3"]
    assert result.dropped == ("scripted/c",)


def test_a_seat_that_answers_but_never_manages_to_judge_stays() -> None:
    result = play("converge", failing("s3", TRANSIENT, phase="evaluate"), 3, threshold=9, rounds=4)
    assert result.dropped == ()
    assert [each.score for each in result.outcome.answers] == [8, 8, 8]


def overridden(**override: Any) -> tuple[Result, ScriptedProvider]:
    provider, journal = ScriptedProvider(judges(7)), Journal(None)
    journal.append("header", format=1, protocol="converge", version="0")
    journal.append("amend", round=2, **override)
    return play("converge", provider, 3, rounds=3, journal=journal), provider


def test_a_seat_can_sit_out_one_round() -> None:
    result, provider = overridden(drop_seats=["s2"])
    assert [step for step in steps(provider) if step.endswith("propose/s2")] == ["r1/propose/s2", "r3/propose/s2"]
    assert (result.total_calls, result.dropped) == (9 + 4 + 9, ())


def test_added_context_reaches_the_answers_of_its_round_alone() -> None:
    _, provider = overridden(additional_context="The unit is metres.")
    having = {request.about.step for request in provider.requests if "The unit is metres." in prompt_of(request)}
    assert having == {"r2/propose/s1", "r2/propose/s2", "r2/propose/s3"}


# ----- events and options


def test_every_round_offers_what_stands_and_the_phases_are_announced() -> None:
    heard: list[events.Event] = []
    play("converge", judges(8), 2, heard=heard)
    kept = [each for each in heard if isinstance(each, events.Offered) and not each.outcome.scores]
    assert [len(each.outcome.answers) for each in kept] == [1, 2]  # the first answers, as they came
    assert [type(each).__name__ for each in heard if not isinstance(each, events.CallEvent) and each not in kept] == [
        "RunStarted",
        *("RoundStarted", "PhaseStarted", "PhaseStarted", "PhaseFinished", "PhaseFinished", "Offered") * 2,
        "RunFinished",
    ]
    offers = [each.outcome for each in heard if isinstance(each, events.Offered) and each not in kept]
    assert [each.explanation for each in offers] == ["8.0/8.0, stable 1/2", "8.0 ≥ 8.0, stable 2/2"]


def test_a_judge_starts_on_an_answer_before_the_last_seat_has_answered() -> None:
    """s3 answers only after the others have judged each other; a barrier between the phases would never end."""
    heard: list[str] = []

    def script(request: Request) -> Reply:
        heard.append(request.about.step)
        if request.about.step == "r1/propose/s3" and "r1/evaluate/s1>s2" not in heard:
            return ProviderError("server", "not yet", retry_after=0)
        return judges(8)(request)

    result = play("converge", script, 3, rounds=1, stability_rounds=1, limits=Limits(retries=1000))
    assert (result.status, result.total_calls, result.failures) == ("converged", 9, ())


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"threshold": 11}, "threshold"),
        ({"threshold": 0.5}, "threshold"),
        ({"rounds": 0}, "rounds"),
        ({"rounds": 21}, "rounds"),
        ({"stability_rounds": 21, "rounds": 20}, "stability-rounds"),
        ({"stability_rounds": 3, "rounds": 2}, "more than rounds"),
        ({"scoring": "none"}, "scoring"),
        ({"iteration_strategy": "all"}, "iteration-strategy"),
        ({"no_such_option": 1}, "no-such-option"),
    ],
)
def test_an_option_that_cannot_be_is_refused_before_anything_is_asked(options: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        spec_for("converge", 2, **options)
