import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from folkmoot.core.limits import Limits
from folkmoot.errors import InputError, ProviderError
from folkmoot.prompting import blocks
from folkmoot.protocols import find_protocol
from folkmoot.providers.base import Settings
from folkmoot.providers.sim import Simulation
from folkmoot.render.as_json import result_json
from folkmoot.testing import Reply, ScriptedProvider
from folkmoot.types import Outcome, Request
from tests.play import new_folder, play, prompt_of, replayed, spec_for, steps

GOLDEN = {"s1": 7.0, "s2": 3.0, "s3": 9.0}  # what each judge gives everybody


def script(
    judges: Mapping[str, float] | float = 8.0, broken: Callable[[Request], bool] = lambda _: False, kind: str = "server"
) -> Callable[[Request], Reply]:
    def reply(request: Request) -> Reply:
        about = request.about
        seat = about.seat.name
        if broken(request):
            return ProviderError(kind, "down")  # type: ignore[arg-type]
        if about.phase == "propose":
            return f"idea {about.round} of {seat}"
        if about.phase == "reframe":
            return json.dumps({"prompt_variant": f"as {seat} sees it"})
        given = judges if isinstance(judges, float) else judges[seat]
        return json.dumps({"rationale": f"{seat} thinks so", "score": given})

    return reply


def silent(*names: str) -> Callable[[Request], bool]:
    return lambda request: request.about.seat.name in names


def ranked(outcome: Outcome) -> list[tuple[Any, ...]]:
    keys = ("model_id", "mean_score", "stddev", "controversy_score")
    return [tuple(each[key] for key in keys) for each in outcome.details["panel"]]


def asked(provider: ScriptedProvider, step: str) -> str:
    return next(prompt_of(each) for each in provider.requests if each.about.step == step)


# The panel


def test_the_floor_comes_before_dispute() -> None:
    outcome = play("brainstorm", script(GOLDEN), rounds=1, panel_size=2).outcome
    assert ranked(outcome) == [("scripted/b", 8, 1, 8), ("scripted/a", 6, 3, 18)]
    assert outcome.strategy == "controversy_floor_7"


def test_without_a_floor_the_most_disputed_stand_first() -> None:
    outcome = play("brainstorm", script(GOLDEN), rounds=1, quality_floor=0).outcome
    assert ranked(outcome) == [("scripted/a", 6, 3, 18), ("scripted/c", 5, 2, 10), ("scripted/b", 8, 1, 8)]
    assert outcome.strategy == "controversy"


@pytest.mark.parametrize("floor, first", [(0, "scripted/a"), (7, "scripted/b")])
def test_a_panel_of_one_is_the_first_of_them(floor: float, first: str) -> None:
    outcome = play("brainstorm", script(GOLDEN), rounds=1, panel_size=1, quality_floor=floor).outcome
    assert [each["model_id"] for each in outcome.details["panel"]] == [first]


def test_the_answer_is_the_panel_verbatim() -> None:
    result = play("brainstorm", script(GOLDEN), rounds=2, panel_size=2)
    assert result.answer == (
        "── 1. scripted/b (mean 8.0, stddev 1.00, controversy 8.00) ──\nidea 2 of s2\n\n"
        "── 2. scripted/a (mean 6.0, stddev 3.00, controversy 18.00) ──\nidea 2 of s1"
    )
    assert (result.status, result.exit_code, result.outcome.winner) == ("brainstormed", 0, None)


def test_with_two_seats_nothing_is_disputed_and_the_mean_decides() -> None:
    outcome = play("brainstorm", script({"s1": 7.0, "s2": 9.0}), 2, rounds=1).outcome
    assert ranked(outcome) == [("scripted/a", 9, 0, 0), ("scripted/b", 7, 0, 0)]


def test_a_tie_goes_to_the_earlier_seat() -> None:
    models = ["scripted/z", "scripted/y"]
    outcome = play("brainstorm", script(), models, rounds=1).outcome
    assert [each["model_id"] for each in outcome.details["panel"]] == models


# The rounds


def test_all_rounds_are_run_however_good_the_answers_are() -> None:
    result = play("brainstorm", script(10.0))
    assert (result.outcome.round, result.total_calls) == (5, 45)


@pytest.mark.parametrize("seats", [1, 2, 5, 30])
def test_any_number_of_seats_may_take_part(seats: int) -> None:
    models = [f"scripted/{number}" for number in range(seats)]
    assert play("brainstorm", script(), models, rounds=1).total_calls == seats * seats


def test_nobody_judges_their_own_answer_nor_another_line_of_theirs() -> None:
    provider = ScriptedProvider(script())
    play("brainstorm", provider, 2, rounds=1, prompt_variants="per-model")
    judged = [step.rpartition("/")[2].split(">") for step in steps(provider) if "/evaluate/" in step]
    assert len(judged) == 6
    assert all(judge != author for judge, author, _ in judged)


def test_score_only_shows_a_seat_its_own_answers_and_their_means() -> None:
    provider = ScriptedProvider(script(GOLDEN))
    play("brainstorm", provider, rounds=3)
    prompt = asked(provider, "r3/propose/s1")
    assert [each.text for each in blocks(prompt, "own")] == ["idea 1 of s1", "idea 2 of s1"]
    assert prompt.count("Its mean score: 6.0 of 10.") == 2
    assert "of s2" not in prompt and "thinks so" not in prompt


def test_blind_shows_nothing_of_the_rounds_before() -> None:
    provider = ScriptedProvider(script(GOLDEN))
    play("brainstorm", provider, rounds=2, iteration_strategy="blind")
    assert asked(provider, "r2/propose/s1") == asked(provider, "r1/propose/s1")


def test_own_reviews_are_shown_under_labels() -> None:
    provider = ScriptedProvider(script(GOLDEN))
    spec = spec_for("brainstorm", rounds=2, iteration_strategy="own-reviews")
    play(spec, provider)
    prompt = asked(provider, "r2/propose/s1")
    shown = blocks(prompt, "review")
    assert [each.text for each in shown] == ["Score: 3 of 10\ns2 thinks so", "Score: 9 of 10\ns3 thinks so"]
    assert [each.attributes["reviewer"] for each in shown] == [spec.labels["s2"], spec.labels["s3"]]
    assert not blocks(prompt, "answer") and "scripted" not in prompt


def test_full_visibility_shows_everything_under_labels() -> None:
    provider = ScriptedProvider(script(GOLDEN))
    spec = spec_for("brainstorm", rounds=2, iteration_strategy="full-visibility")
    play(spec, provider)
    prompt = asked(provider, "r2/propose/s1")
    shown = {each.attributes["label"]: each.text for each in blocks(prompt, "answer")}
    assert shown == {spec.labels["s2"]: "idea 1 of s2", spec.labels["s3"]: "idea 1 of s3"}
    assert len(blocks(prompt, "review")) == 6 and "scripted" not in prompt


def test_an_answer_nobody_scored_is_not_told_a_score() -> None:
    provider = ScriptedProvider(script(broken=lambda request: request.about.phase == "evaluate"))
    result = play("brainstorm", provider, rounds=2)
    prompt = asked(provider, "r2/propose/s1")
    assert "Nobody scored it." in prompt and "0.0" not in prompt
    assert [each["mean_score"] for each in result.outcome.details["panel"]] == [None, None, None]
    assert [each.score for each in result.outcome.answers] == [None, None, None]
    assert (result.status, result.outcome.details["evaluation_status"]) == ("degraded", "partial")


def test_a_judge_is_shown_the_question_in_the_way_that_was_answered() -> None:
    provider = ScriptedProvider(script())
    play("brainstorm", provider, 2, rounds=1, prompt_variants="per-model")
    assert blocks(asked(provider, "r1/evaluate/s1>s2>variant-1"))[0].text == "as s1 sees it"
    assert blocks(asked(provider, "r1/propose/s2>variant-1"))[0].text == "as s1 sees it"
    assert blocks(asked(provider, "r1/evaluate/s1>s2>original"))[0].text == "What is 17 * 23?"


# Variants of the question


@pytest.mark.parametrize("seats, rounds, calls", [(2, 1, 14), (2, 2, 26), (3, 2, 75), (4, 2, 164)])
def test_every_seat_answers_every_variant(seats: int, rounds: int, calls: int) -> None:
    result = play("brainstorm", script(), seats, rounds=rounds, prompt_variants="per-model")
    found = find_protocol("brainstorm")
    assert result.total_calls == calls == found.max_calls(found.options.model_validate(result_options(rounds)), seats)
    assert len(result.outcome.answers) == seats * (seats + 1)
    assert result.outcome.details["prompt_variant_count"] == seats + 1


def result_options(rounds: int) -> dict[str, object]:
    return {"rounds": rounds, "prompt_variants": "per-model"}


def test_lineages_are_named_after_the_seat_and_the_variant() -> None:
    result = play("brainstorm", script(), ["scripted/x/y", "scripted/z"], rounds=1, prompt_variants="per-model")
    names = [
        f"scripted/{seat}+{variant}" for seat in ("x_y", "z") for variant in ("original", "variant-1", "variant-2")
    ]
    assert [each.seat for each in result.outcome.answers] == names
    assert result.outcome.details["prompt_variants"] == [
        {"label": "original", "prompt": "What is 17 * 23?", "generated_by": None},
        {"label": "variant-1", "prompt": "as s1 sees it", "generated_by": "scripted/x/y"},
        {"label": "variant-2", "prompt": "as s2 sees it", "generated_by": "scripted/z"},
    ]


def test_a_variant_that_failed_is_missing_and_said() -> None:
    broken = script(broken=lambda request: request.about.step == "r0/reframe/s1")
    result = play("brainstorm", broken, 2, rounds=1, prompt_variants="per-model")
    details = result.outcome.details
    assert [each["label"] for each in details["prompt_variants"]] == ["original", "variant-2"]
    assert details["provider_failures"] == [
        {"round": 0, "phase": "brainstorm", "model_id": "scripted/a", "kind": "server", "message": "down"}
    ]
    assert (result.status, details["evaluation_status"]) == ("degraded", "peer_evaluated")


# What goes wrong


def test_one_seat_alone_is_not_evaluated_and_not_degraded() -> None:
    result = play("brainstorm", script(), 1, rounds=3)
    details = result.outcome.details
    assert (result.status, details["evaluation_status"], result.total_calls) == (
        "brainstormed",
        "skipped_single_model",
        3,
    )
    assert details["panel"][0] == {
        "model_id": "scripted/a", "answer": "idea 3 of s1", "evaluated": False, "mean_score": None, "stddev": None,
        "controversy_score": None, "per_evaluator_scores": [],
    }  # fmt: skip
    assert result.answer == "── 1. scripted/a (not evaluated) ──\nidea 3 of s1"


def test_a_seat_is_asked_in_every_round_whatever_happens_to_it() -> None:
    provider = ScriptedProvider(script(broken=silent("s3"), kind="auth"))
    result = play("brainstorm", provider, rounds=4)
    assert sum("/propose/s3" in step for step in steps(provider)) == 4
    assert (result.dropped, result.status, result.exit_code) == ((), "degraded", 0)
    assert result_json(result)["metadata"]["models_dropped"] == ["scripted/c"]


def test_a_seat_that_recovers_is_on_the_panel() -> None:
    down = script(broken=lambda request: request.about.seat.name == "s3" and request.about.round < 3)
    outcome = play("brainstorm", down, rounds=3).outcome
    assert len(outcome.details["panel"]) == 3
    assert [failure["round"] for failure in outcome.details["provider_failures"]] == [1, 2]
    assert (outcome.status, outcome.details["evaluation_status"]) == ("degraded", "peer_evaluated")


def test_one_answer_left_is_not_evaluated() -> None:
    outcome = play("brainstorm", script(broken=silent("s2", "s3")), rounds=1).outcome
    assert (outcome.status, outcome.details["evaluation_status"]) == ("degraded", "skipped_insufficient_models")


def test_a_failed_judgement_says_whom_it_was_about() -> None:
    outcome = play("brainstorm", script(broken=lambda r: r.about.step == "r1/evaluate/s1>s2"), rounds=2).outcome
    (failure,) = outcome.details["provider_failures"]
    assert (failure["phase"], failure["model_id"], failure["target_model_id"]) == (
        "evaluate",
        "scripted/a",
        "scripted/b",
    )
    assert (outcome.status, outcome.details["evaluation_status"]) == ("degraded", "partial")


def test_a_judgement_that_cannot_be_read_is_kept_in_part() -> None:
    def reply(request: Request) -> Reply:
        return "no " * 1000 if request.about.phase == "evaluate" else script()(request)

    failures = play("brainstorm", reply, 2, rounds=1).outcome.details["provider_failures"]
    assert [each["kind"] for each in failures] == ["unparseable", "unparseable"]
    assert failures[0]["response_preview"] == ("no " * 1000)[:2000]


def test_when_nobody_answers_the_run_fails() -> None:
    result = play("brainstorm", script(broken=lambda _: True))
    assert (result.status, result.exit_code, result.answer) == ("insufficient_models", 3, None)


def test_when_nobody_answers_a_later_round_the_panel_before_it_stands() -> None:
    result = play("brainstorm", script(GOLDEN, broken=lambda request: request.about.round == 2), panel_size=1)
    assert (result.status, result.exit_code) == ("insufficient_models", 3)
    assert result.answer is not None and result.answer.endswith("idea 1 of s2")


@pytest.mark.parametrize("calls", range(1, 19))
def test_whatever_stops_it_there_is_a_panel(calls: int) -> None:
    result = play("brainstorm", script(), rounds=3, limits=Limits(retries=0, max_calls=calls, max_concurrent=1))
    assert (result.status, result.exit_code) == ("max_calls", 2)
    assert result.answer is not None and "idea" in result.answer
    assert ("idea 2" in result.answer) == (calls == 18)


def test_a_replay_of_a_run_that_was_stopped_has_the_same_outcome(tmp_path: Path) -> None:
    folder = new_folder(tmp_path)
    result = play("brainstorm", script(GOLDEN), folder=folder, limits=Limits(retries=0, max_calls=5))
    assert replayed(folder).outcome == result.outcome


def test_simulated_seats_rate_ideas_and_put_the_question_in_other_ways() -> None:
    sim = Simulation(Settings({}, table={"delay": 0}))
    models = ["sim/careful", "sim/hasty", "sim/bold"]
    result = play("brainstorm", sim, models, rounds=1, prompt_variants="per-model")
    assert (result.status, result.failures) == ("brainstormed", ())
    assert "391" in result.outcome.details["panel"][0]["answer"]
    assert play("synthesize", sim, models).status == "synthesized"


# What programs read


def test_its_json_has_refinerys_keys() -> None:
    shown = result_json(play("brainstorm", script(GOLDEN), rounds=1))
    assert {
        "status", "degraded", "evaluation_status", "selection_strategy", "iteration_strategy",
        "prompt_variant_strategy", "prompt_variant_count", "panel", "provider_failures", "metadata",
    } <= set(shown)  # fmt: skip
    assert shown["panel"][0] == {
        "model_id": "scripted/b", "answer": "idea 1 of s2", "evaluated": True, "mean_score": 8.0, "stddev": 1.0,
        "controversy_score": 8.0,
        "per_evaluator_scores": [{"evaluator": "scripted/a", "score": 7.0}, {"evaluator": "scripted/c", "score": 9.0}],
    }  # fmt: skip
    assert (shown["iteration_strategy"], shown["prompt_variant_strategy"]) == ("score-only", "off")
    assert shown["metadata"] | {"elapsed_ms": 0} == {
        "total_rounds": 1, "total_calls": 9, "elapsed_ms": 0, "models_dropped": []
    }  # fmt: skip


def test_its_dry_run_counts_variants_and_lineages() -> None:
    found = find_protocol("brainstorm")
    options = found.options.model_validate({"prompt_variants": "per-model"})
    assert (found.calls_per_round(options, 3), found.max_calls(options, 3)) == (36, 183)
    assert found.foretell is not None
    assert found.foretell(options, 3) == {
        "panel_size": 3, "quality_floor": 7.0, "selection_strategy": "controversy_floor_7",
        "iteration_strategy": "score-only", "prompt_variant_strategy": "per-model", "prompt_variant_count": 4,
        "lineage_count": 12, "variant_calls": 3,
    }  # fmt: skip


@pytest.mark.parametrize(
    "wrong",
    [{"quality_floor": 11}, {"quality_floor": float("nan")}, {"panel_size": 0}, {"rounds": 21}, {"threshold": 8}],
)
def test_options_that_cannot_be_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(InputError):
        spec_for("brainstorm", **wrong)  # type: ignore[arg-type]
