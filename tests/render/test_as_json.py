"""The JSON of results, errors and estimates: refinery's keys in its order, then ours."""

import json

from folkmoot.render.as_json import dry_run_json, dry_run_text, error_json, result_json
from folkmoot.types import Estimate, Failure, Outcome
from tests.render.scripted import judging, outcome, play, refusing, result

REFINERY = ["status", "winner", "final_round", "strategy", "all_answers", "metadata"]
OURS = [
    "run_id", "protocol", "explanation", "leader", "scores", "counts", "seats", "failures", "usage", "cost_usd",
    "cost_at_most_usd", "list_usd", "degraded", "degraded_because", "census", "attempts", "repairs",
]  # fmt: skip

ESTIMATE = Estimate(
    verb="converge", models=("a/x", "a/y", "a/z"), max_rounds=5, calls_per_round=9, total_calls=45, typical_calls=18,
    input_tokens=12_000, output_tokens=3_000, usd=0.12, max_usd=0.3, warning="many",
)  # fmt: skip


def test_a_converged_run_has_refinerys_keys_and_then_ours() -> None:
    shown = result_json(result(outcome("9.0", {"s1": 9.0, "s2": 7.0}, leader="s1", met=True)))
    assert list(shown) == REFINERY + OURS
    assert shown["winner"] == {"model_id": "codex-cli/gpt-5.4", "answer": "answer of s1"}
    assert list(shown["metadata"]) == ["total_rounds", "total_calls", "elapsed_ms", "models_dropped"]
    assert list(shown["seats"][0]) == [
        "model_id", "model", "answered_by", "mismatch", "calls", "failures", "dropped", "usage", "cost_usd",
        "cost_at_most_usd", "billing",
    ]  # fmt: skip
    assert shown["leader"] == "codex-cli/gpt-5.4"
    assert shown["scores"] == [{"codex-cli/gpt-5.4": 9.0, "gemini-cli/gemini-3": 7.0}]


def test_answers_stand_in_seat_order_and_no_score_is_null() -> None:
    shown = result_json(result(outcome("x", {"s2": 7.0}, leader="s2")))
    assert [(each["model_id"], each["mean_score"]) for each in shown["all_answers"]] == [
        ("codex-cli/gpt-5.4", None),
        ("gemini-cli/gemini-3", 7.0),
        ("claude-code/opus", None),
    ]


def test_there_is_no_winner_key_without_a_winner() -> None:
    shown = result_json(result(outcome("x", {"s2": 7.0}, leader="s2")))
    assert list(shown) == [key for key in REFINERY if key != "winner"] + OURS
    assert shown["leader"] == "gemini-cli/gemini-3"
    assert result_json(result(Outcome(status="failed", met=False)))["leader"] is None


def test_an_answer_that_no_seat_wrote_has_no_model() -> None:
    shown = result_json(result(Outcome(status="synthesized", met=True, answer="both")))
    assert shown["winner"] == {"model_id": None, "answer": "both"}


def test_a_real_run_is_dumped_and_read_back() -> None:
    shown = result_json(play(judging))
    assert json.loads(json.dumps(shown, allow_nan=False)) == shown
    assert (shown["status"], shown["final_round"], shown["metadata"]["total_calls"]) == ("converged", 2, 18)
    assert shown["scores"][1] == {"x/a": 9.0, "x/b": 7.0, "x/c": 9.0}


def test_one_seat_wins_without_a_score() -> None:
    shown = result_json(play(judging, models=["x/a"]))
    assert shown["status"] == "single_model"
    assert shown["all_answers"] == [{"model_id": "x/a", "answer": "answer of s1", "mean_score": None}]


def test_a_lost_seat_is_named_with_its_failure() -> None:
    shown = result_json(play(refusing))
    assert shown["degraded"]
    assert shown["metadata"]["models_dropped"] == ["x/b"]
    assert shown["failures"] == [
        {"round": 1, "phase": "propose", "model_id": "x/b", "kind": "auth", "message": "the key was refused",
         "step": "r1/propose/s2"}
    ]  # fmt: skip


def test_a_failed_judgement_says_of_whom() -> None:
    failure = Failure(
        step="r1/evaluate/s1>s2", seat="s1", model_id="codex-cli/gpt-5.4", round=1, phase="evaluate", kind="rate",
        message="429",
    )  # fmt: skip
    shown = result_json(result(outcome("x", leader=None), failures=(failure,)))
    assert list(shown["failures"][0]) == ["round", "phase", "model_id", "target_model_id", "kind", "message", "step"]
    assert shown["failures"][0]["target_model_id"] == "gemini-cli/gemini-3"


def test_an_error_has_refinerys_shape_and_the_failures() -> None:
    failure = Failure(
        step="r1/propose/s1", seat="s1", model_id="a/x", round=1, phase="propose", kind="auth", message="no"
    )
    assert error_json("phase_failure", "no", provider="a", round=1, phase="propose", failures=[failure]) == {
        "status": "error",
        "error": {
            "code": "phase_failure", "message": "no", "provider": "a", "round": 1, "phase": "propose",
            "retryable": False,
        },
        "failures": [
            {"round": 1, "phase": "propose", "model_id": "a/x", "kind": "auth", "message": "no",
             "step": "r1/propose/s1"},
        ],
    }  # fmt: skip
    bare = error_json("config_invalid", "no such model")
    assert list(bare["error"]) == ["code", "message", "provider", "round", "phase", "retryable"]
    assert bare["error"]["provider"] is None


def test_a_dry_run_begins_with_refinerys_lines() -> None:
    assert dry_run_text(ESTIMATE).splitlines() == [
        "Dry run estimate:",
        " Models: 3",
        " Calls per round: 9",
        " Max rounds: 5",
        " Total calls (max): 45",
        " Typical calls: 18",
        " Typical tokens: about 12,000 in, 3,000 out",
        " Cost at list price: about $0.1200, $0.3000 if all calls are made",
    ]


def test_a_price_that_is_unknown_or_nothing_is_said_so() -> None:
    unknown = ESTIMATE.model_copy(update={"usd": None, "max_usd": None})
    assert dry_run_text(unknown).endswith(" Cost at list price: unknown")
    assert dry_run_json(unknown)["cost_usd"] is None
    assert dry_run_text(ESTIMATE.model_copy(update={"usd": 0.0, "max_usd": 0.0})).endswith(": none")


def test_a_dry_run_in_json_leaves_out_what_is_not_there() -> None:
    assert list(dry_run_json(ESTIMATE)) == [
        "status", "verb", "models", "max_rounds", "calls_per_round", "total_calls", "typical_calls", "usage",
        "cost_usd", "max_cost_usd", "warning",
    ]  # fmt: skip
    bare = dry_run_json(ESTIMATE.model_copy(update={"max_rounds": None, "warning": None}))
    assert "max_rounds" not in bare
    assert "warning" not in bare
