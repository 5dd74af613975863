"""A result, an error and an estimate as JSON objects: refinery's keys, and ours beside them.

After refinery, https://github.com/Lightless-Labs/refinery, with null instead of 0.0 where nobody scored, and with the
answers in seat order.
"""

from collections.abc import Mapping, Sequence

from folkmoot.render.wording import money
from folkmoot.types import JSON, Count, Estimate, Failure, Record, Result, SeatReport


def result_json(result: Result, receipt: Record | None = None) -> JSON:
    """A result. `winner` is there only when there is one; its `model_id` is null when no seat wrote the answer.

    What else the protocol reports stands right after it; its `metadata`, if it has any, within `metadata`.
    """
    outcome = result.outcome
    ids = {seat.seat: seat.model_id for seat in result.seats}
    shown: JSON = {"status": outcome.status}
    if outcome.answer is not None:
        shown["winner"] = {"model_id": ids.get(outcome.winner or ""), "answer": outcome.answer}
    details = {key: value for key, value in outcome.details.items() if key != "metadata"}
    rest: JSON = {
        "final_round": outcome.round,
        "strategy": outcome.strategy,
        "all_answers": [
            {"model_id": ids.get(each.seat, each.seat), "answer": each.answer, "mean_score": each.score}
            for each in outcome.answers
        ],
        "metadata": {
            "total_rounds": outcome.round,
            "total_calls": result.total_calls,
            "elapsed_ms": result.elapsed_ms,
            "models_dropped": list(result.dropped),
            **outcome.details.get("metadata", {}),
        },
        "run_id": result.run_id,
        "protocol": result.protocol,
        "explanation": outcome.explanation,
        "leader": ids.get(outcome.leader or ""),
        "scores": [{ids.get(seat, seat): score for seat, score in scores.items()} for scores in outcome.scores],
        "counts": [_count_json(count, ids) for count in outcome.counts],
        "seats": [_seat_json(seat) for seat in result.seats],
        "failures": [_failure_json(each, ids) for each in result.failures],
        "usage": result.usage.model_dump(),
        "cost_usd": result.cost_usd,
        "cost_at_most_usd": result.cost_at_most_usd,
        "list_usd": result.list_usd,
        "degraded": result.degraded,
        "degraded_because": result.degraded_because,
        "census": [each.model_dump() for each in result.census],
        "attempts": result.attempts,
        "repairs": result.repairs,
        **({"calls_inside": result.inside} if result.inside else {}),
    }
    if receipt is not None:
        rest["receipt"] = receipt.model_dump(mode="json")
    return shown | details | {key: value for key, value in rest.items() if key not in details}


def error_json(
    code: str,
    message: str,
    *,
    provider: str | None = None,
    round: int | None = None,
    phase: str | None = None,
    retryable: bool = False,
    failures: Sequence[Failure] = (),
) -> JSON:
    """What went wrong when there is no result. `code` is one of refinery's, e.g. config_invalid, phase_failure."""
    ids = {each.seat: each.model_id for each in failures}
    return {
        "status": "error",
        "error": {
            "code": code,
            "message": message,
            "provider": provider,
            "round": round,
            "phase": phase,
            "retryable": retryable,
        },
        "failures": [_failure_json(each, ids) for each in failures],
    }


def dry_run_json(estimate: Estimate) -> JSON:
    """An estimate. `max_rounds` and `warning` are there only when there is one; an unknown price is null."""
    shown: JSON = {"status": "dry_run", "verb": estimate.verb, "models": list(estimate.models)}
    if estimate.max_rounds is not None:
        shown["max_rounds"] = estimate.max_rounds
    shown |= {
        "calls_per_round": estimate.calls_per_round,
        "total_calls": estimate.total_calls,
        "typical_calls": estimate.typical_calls,
        "usage": {"input_tokens": estimate.input_tokens, "output_tokens": estimate.output_tokens},
        "cost_usd": estimate.usd,
        "max_cost_usd": estimate.max_usd,
        **estimate.details,
    }
    return shown | ({"warning": estimate.warning} if estimate.warning else {})


def dry_run_text(estimate: Estimate) -> str:
    """Refinery's lines, then what a typical run takes. The warning is not among them: it belongs on standard error."""
    lines = ["Dry run estimate:", f" Models: {len(estimate.models)}", f" Calls per round: {estimate.calls_per_round}"]
    if estimate.max_rounds is not None:
        lines.append(f" Max rounds: {estimate.max_rounds}")
    return "\n".join(
        [
            *lines,
            f" Total calls (max): {estimate.total_calls}",
            *(f" {key.replace('_', ' ').capitalize()}: {value}" for key, value in estimate.details.items()),
            f" Typical calls: {estimate.typical_calls}",
            f" Typical tokens: about {estimate.input_tokens:,} in, {estimate.output_tokens:,} out",
            f" Cost at list price: {_price(estimate)}",
        ]
    )


def _price(estimate: Estimate) -> str:
    if estimate.usd is None:
        return "unknown"
    if not estimate.usd and not estimate.max_usd:
        return "none"
    most = "" if estimate.max_usd is None else f", {money(estimate.max_usd)} if all calls are made"
    return f"about {money(estimate.usd)}{most}"


def _seat_json(seat: SeatReport) -> JSON:
    return {
        "model_id": seat.model_id,
        "model": seat.model,
        "answered_by": seat.answered_by,
        "mismatch": seat.mismatch,
        "calls": seat.calls,
        "failures": seat.failures,
        "dropped": seat.dropped,
        "usage": seat.usage.model_dump(),
        "cost_usd": seat.cost_usd,
        "cost_at_most_usd": seat.cost_at_most_usd,
        "billing": seat.billing,
    }


def _count_json(count: Count, ids: Mapping[str, str]) -> JSON:
    """A count sheet, with the names of seats as in the rest of the object."""

    def named(about: str | None) -> str | None:
        return ids.get(about, about) if about is not None else None

    return {
        "round": count.round,
        "scope": count.scope,
        "rule": count.rule,
        "parameters": dict(count.parameters),
        "ballots": [
            {
                "model_id": named(each.seat), "about": named(each.about), "value": each.value, "weight": each.weight,
                "step": each.step,
            }
            for each in count.ballots
        ],
        "outcome": {
            "totals": [
                {
                    "about": named(each.about),
                    "says": each.says,
                    "value": each.value,
                    "model_ids": [named(seat) for seat in each.seats],
                    "figures": dict(each.figures),
                    "chosen": each.chosen,
                }
                for each in count.outcome.totals
            ],
            "met": count.outcome.met,
            "explanation": count.outcome.explanation,
        },
    }  # fmt: skip


def _failure_json(failure: Failure, ids: Mapping[str, str]) -> JSON:
    """`ids` maps seats to model ids. `target_model_id` is there when the call was about another seat's answer."""
    shown: JSON = {"round": failure.round, "phase": failure.phase, "model_id": failure.model_id}
    _, _, about = failure.step.rpartition("/")[2].removesuffix("+repair").partition(">")
    if target := ids.get(about):
        shown["target_model_id"] = target
    return shown | {"kind": failure.kind, "message": failure.message, "step": failure.step}
