import json
from collections.abc import Callable
from pathlib import Path

import pytest

from folkmoot.core.limits import Limits
from folkmoot.errors import InputError, ProviderError
from folkmoot.prompting import blocks
from folkmoot.protocols import find_protocol
from folkmoot.render.as_json import result_json
from folkmoot.testing import Reply, ScriptedProvider
from folkmoot.types import Request
from tests.play import author_of, lines, new_folder, play, prompt_of, replayed, spec_for, steps


def converging(request: Request) -> bool:
    return request.about.step.startswith("converge/")


def script(
    answers: dict[str, float] | float = 9,
    merges: dict[str, float] | float = 8,
    broken: Callable[[Request], bool] = lambda _: False,
) -> Callable[[Request], Reply]:
    """Everybody gives the answers, and then the merges, of a seat the same score."""

    def reply(request: Request) -> Reply:
        about = request.about
        if broken(request):
            return ProviderError("server", "down")
        if about.phase == "propose":
            return f"answer of {about.seat.name}"
        if about.phase == "synthesize":
            return f"merge by {about.seat.name}"
        given = answers if converging(request) else merges
        score = given[author_of(request)] if isinstance(given, dict) else given
        return json.dumps({"overall_assessment": "so", "rationale": "so", "score": score})

    return reply


def test_the_merge_that_the_peers_find_best_wins() -> None:
    result = play("synthesize", script(merges={"s1": 7, "s2": 9, "s3": 8}))
    outcome = result.outcome
    assert (outcome.status, outcome.winner, outcome.answer, result.exit_code) == ("synthesized", "s2", "merge by s2", 0)
    assert [(each.seat, each.answer, each.score) for each in outcome.answers] == [
        ("s1", "merge by s1", 7.0),
        ("s2", "merge by s2", 9.0),
        ("s3", "merge by s3", 8.0),
    ]
    assert (outcome.strategy, outcome.round, result.total_calls) == ("synthesize", 2, 27)


def test_two_seats_and_two_rounds_take_twelve_calls() -> None:
    assert play("synthesize", script(), 2).total_calls == 12


def test_a_tie_goes_to_the_earlier_seat() -> None:
    assert play("synthesize", script()).outcome.winner == "s1"


def test_its_steps_follow_those_of_converge() -> None:
    provider = ScriptedProvider(script())
    play("synthesize", provider, 2)
    assert sorted(steps(provider))[-4:] == [
        "r3/evaluate/s1>s2",
        "r3/evaluate/s2>s1",
        "r3/synthesize/s1",
        "r3/synthesize/s2",
    ]
    assert all(step.startswith("converge/r") for step in sorted(steps(provider))[:-4])


def test_a_judge_sees_the_question_and_the_sources_beside_the_merge() -> None:
    provider = ScriptedProvider(script())
    play("synthesize", provider)
    judged = [each for each in provider.requests if each.about.phase == "evaluate" and not converging(each)]
    assert len(judged) == 6
    for request in judged:
        shown = blocks(prompt_of(request))
        assert [each.kind for each in shown] == ["question", "answer", "answer", "answer", "synthesis"]
        assert shown[-1].text == f"merge by {author_of(request)}"
        assert {each.text for each in shown[1:4]} == {"answer of s1", "answer of s2", "answer of s3"}


def test_only_answers_at_or_above_the_threshold_are_merged() -> None:
    provider = ScriptedProvider(script(answers={"s1": 8, "s2": 7.9, "s3": 9}))
    result = play("synthesize", provider)
    merging = [each for each in provider.requests if each.about.phase == "synthesize"]
    assert {each.about.seat.name for each in merging} == {"s1", "s2", "s3"}
    for request in merging:
        assert {each.text for each in blocks(prompt_of(request), "answer")} == {"answer of s1", "answer of s3"}
    assert [each["model_id"] for each in result.outcome.details["sources"]] == ["scripted/a", "scripted/c"]


def test_the_synthesis_threshold_may_be_lower_than_that_of_agreement() -> None:
    result = play("synthesize", script(answers={"s1": 6, "s2": 5, "s3": 4}), synthesis_threshold=5)
    assert result.status == "synthesized"
    assert len(result.outcome.details["sources"]) == 2


def test_no_prompt_says_what_the_threshold_is() -> None:
    requests = []
    for threshold in (7.25, 7.5):
        provider = ScriptedProvider(script())
        play("synthesize", provider, synthesis_threshold=threshold)
        requests.append({each.about.step: (each.system, prompt_of(each)) for each in provider.requests})
    assert requests[0] == requests[1]


def test_when_nothing_qualifies_all_answers_are_shown() -> None:
    result = play("synthesize", script(answers=6), 2)
    outcome = result.outcome
    assert (outcome.status, result.exit_code, result.total_calls) == ("no_qualifying_answers", 2, 8)
    assert outcome.answer is None and [each.answer for each in outcome.answers] == ["answer of s1", "answer of s2"]
    assert "8" in outcome.explanation


def test_when_nobody_can_be_read_as_a_judge_nothing_qualifies() -> None:
    result = play("synthesize", "no idea", 2)
    assert (result.status, [each.score for each in result.outcome.answers]) == ("no_qualifying_answers", [None, None])


def test_one_synthesis_alone_wins_unjudged() -> None:
    result = play("synthesize", script(broken=lambda r: r.about.step == "r3/synthesize/s1"), 2)
    outcome = result.outcome
    assert (outcome.status, outcome.winner, result.total_calls, result.exit_code) == ("synthesized", "s2", 10, 0)
    assert [(each.seat, each.score) for each in outcome.answers] == [("s2", None)]


def test_without_any_synthesis_the_best_answer_stands_as_it_was_written() -> None:
    result = play("synthesize", script({"s1": 8, "s2": 9, "s3": 8}, broken=lambda r: r.about.phase == "synthesize"))
    assert (result.status, result.outcome.winner, result.answer) == ("synthesis_failed", "s2", "answer of s2")
    assert result.exit_code == 2


def test_syntheses_that_nobody_judged_do_not_replace_an_answer_that_was() -> None:
    down = script(broken=lambda r: r.about.phase == "evaluate" and not converging(r))
    result = play("synthesize", down)
    assert (result.status, result.answer, result.exit_code) == ("synthesis_eval_failed", "answer of s1", 2)
    assert [each["answer"] for each in result.outcome.details["syntheses"]] == [f"merge by s{n}" for n in (1, 2, 3)]


def test_an_unjudged_synthesis_cannot_win() -> None:
    down = script(broken=lambda r: r.about.phase == "evaluate" and not converging(r) and author_of(r) == "s1")
    result = play("synthesize", down, 3)
    assert (result.outcome.winner, result.outcome.answers[0].score) == ("s2", None)


def test_one_seat_answers_once_and_that_is_it() -> None:
    result = play("synthesize", script(), 1)
    assert (result.status, result.answer, result.total_calls, result.exit_code) == (
        "single_model",
        "answer of s1",
        1,
        0,
    )


def test_too_few_seats_leave_what_the_rounds_before_had() -> None:
    down = script(answers=6, broken=lambda r: r.about.step == "converge/r2/propose/s2")
    result = play("synthesize", down, 2)
    assert (result.status, result.exit_code, result.answer) == ("insufficient_models", 3, "answer of s1")


@pytest.mark.parametrize("calls", [18, 19, 21, 24, 26])
def test_whatever_stops_the_merging_the_best_answer_before_stands(calls: int) -> None:
    result = play("synthesize", script(), limits=Limits(retries=0, max_calls=calls))
    assert (result.status, result.answer, result.exit_code) == ("max_calls", "answer of s1", 2)


def test_a_replay_has_the_same_outcome(tmp_path: Path) -> None:
    folder = new_folder(tmp_path)
    result = play("synthesize", script(merges={"s1": 7, "s2": 9, "s3": 8}), folder=folder)
    assert replayed(folder).outcome == result.outcome


def test_more_rounds_of_converge_later_ask_for_another_synthesis(tmp_path: Path) -> None:
    folder = new_folder(tmp_path)
    spec = spec_for("synthesize", 2, synthesis_threshold=5)
    play(spec, script(answers=7), folder=folder)
    result = play(spec, script(answers=7), folder=folder, amend={"options": {"converge_rounds": 3}})
    assert result.status == "synthesized"
    asked = [line["step"] for line in lines(folder, "finished") if "synthesize" in line["step"]]
    assert sorted(asked) == ["r3/synthesize/s1", "r3/synthesize/s2", "r4/synthesize/s1", "r4/synthesize/s2"]


def test_a_dropped_seat_is_not_asked_to_merge() -> None:
    def reply(request: Request) -> Reply:
        if request.about.seat.name == "s3":
            return ProviderError("auth", "no key")
        return script()(request)

    provider = ScriptedProvider(reply)
    result = play("synthesize", provider)
    assert (result.status, result.dropped) == ("synthesized", ("scripted/c",))
    assert not any(step == "r3/synthesize/s3" for step in steps(provider))


def test_its_json_has_refinerys_keys() -> None:
    shown = result_json(play("synthesize", script(), 2))
    assert list(shown)[:2] == ["status", "winner"]
    assert {"status", "winner", "final_round", "strategy", "all_answers", "metadata"} <= set(shown)
    assert (shown["strategy"], shown["final_round"]) == ("synthesize", 2)
    assert [each["answer"] for each in shown["all_answers"]] == ["merge by s1", "merge by s2"]


def test_its_dry_run_counts_converge_and_the_synthesis() -> None:
    found = find_protocol("synthesize")
    options = found.options.model_validate({})
    assert [found.max_calls(options, seats) for seats in (1, 2, 3)] == [1, 12, 27]
    assert found.foretell is not None
    assert found.foretell(options, 3) == {"converge_rounds": 2, "converge_calls": 18, "synthesis_calls": 9}


@pytest.mark.parametrize(
    "wrong", [{"stability_rounds": 3}, {"synthesis_threshold": 0.5}, {"threshold": 11}, {"rounds": 2}]
)
def test_options_that_cannot_be_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(InputError):
        spec_for("synthesize", **wrong)  # type: ignore[arg-type]
