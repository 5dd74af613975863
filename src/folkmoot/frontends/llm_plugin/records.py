"""Runs of `consortium` on record, as llm-consortium's users know them: `runs`, `run-info`, `leaderboard`."""

import asyncio
from collections.abc import Iterable, Iterator
from datetime import date
from statistics import mean

from folkmoot.errors import InputError
from folkmoot.execute import replay
from folkmoot.frontends.llm_plugin.configs import PROTOCOL
from folkmoot.python.consortia import documented
from folkmoot.record.bundle import result_of
from folkmoot.record.index import Index
from folkmoot.record.index_rows import RunRow
from folkmoot.record.store import RunFolder
from folkmoot.render.wording import one_line
from folkmoot.running.runs import Machine
from folkmoot.types import JSON, Result


def run_lines(machine: Machine, limit: int, since: str | None) -> list[JSON]:
    """The newest runs, a record for each."""
    return [_run_line(RunFolder(machine.home.runs / row.id), row) for row in _rows(machine, since)[:limit]]


def run_record(machine: Machine, written: str) -> JSON:
    """One run: what was asked, what every member wrote, what the arbiter decided. `written` may be a unique prefix."""
    folder = machine.home.find(written)
    spec = folder.spec()
    if spec.protocol != PROTOCOL:
        raise InputError(f"{folder.id} is a run of {spec.protocol}; `folkmoot show {folder.id}` shows it")
    told = documented(asyncio.run(replay(spec, folder)))
    confidence = told["synthesis"]["confidence"]
    return {
        "run": {
            "id": folder.id, "created_at": spec.created, "status": told["status"],
            "strategy": spec.options["strategy"], "judging_method": spec.options["judging_method"],
            "confidence_threshold": spec.options["confidence_threshold"], "max_iterations": spec.options["rounds"],
            "iteration_count": len(told["iterations"]), "final_confidence": confidence,
            "user_prompt": spec.title or spec.prompt, "synthesis": told["synthesis"]["synthesis"],
            "usage": told["usage"], "cost_usd": told["cost_usd"],
        },
        "members": [
            {"iteration": turn["iteration"], **member}
            for turn in told["iterations"]
            for member in turn["model_responses"]
        ],
        "decisions": [
            {"iteration": turn["iteration"], "arbiter": turn["arbiter"], **(turn["synthesis"] or {"confidence": None})}
            for turn in told["iterations"]
        ],
    }  # fmt: skip


def record_text(record: JSON) -> str:
    """A run for people, iteration by iteration."""
    run = record["run"]
    lines = [
        f"Run {run['id']}  {run['created_at']}  {run['status']}",
        f"Strategy {run['strategy']}, judging {run['judging_method']}, "
        f"threshold {run['confidence_threshold']:g}, {run['iteration_count']}/{run['max_iterations']} iterations",
        f"Prompt: {_short(run['user_prompt'])}",
    ]
    for decision in record["decisions"]:
        lines += ["", f"Iteration {decision['iteration']}"]
        for member in record["members"]:
            if member["iteration"] == decision["iteration"]:
                said = member.get("response") or f"failed: {member.get('error')}"
                lines.append(f"  {member['model']} #{member['instance']}: {_short(said)}")
        lines += [f"  {title}: {value}" for title, value in _told(decision).items() if value not in (None, "")]
    return "\n".join(lines)


def board(machine: Machine, limit: int, since: str | None, models: Iterable[str]) -> list[JSON]:
    """Models by the arbiter's mean confidence in runs they took part in, and how often one was ranked first.

    That confidence is what an arbiter said of its own text; see `folkmoot eval` for whether answers were right.
    """
    tallies: dict[str, _Tally] = {}
    for result in _results(machine, since):
        model_of = {seat.model_id: seat.model.removeprefix("llm/") for seat in result.seats}
        synthesis = result.outcome.details.get("synthesis") or {}
        members = {model_of[id] for id in result.outcome.details["metadata"]["models_used"]}
        for model in members:
            tallies.setdefault(model, _Tally()).take_part(synthesis.get("confidence"))
        for turn in result.outcome.details["iterations"]:
            ranking = [model_of[id] for id in (turn["synthesis"] or {}).get("ranking", ())]
            for model in set(ranking):
                tallies.setdefault(model, _Tally()).judge(first=model == ranking[0])
    wanted = [name.casefold() for name in models]
    lines = [
        tally.line(model)
        for model, tally in tallies.items()
        if not wanted or any(name in model.casefold() for name in wanted)
    ]
    return sorted(lines, key=lambda line: (-(line["mean_confidence"] or 0.0), -(line["win_rate"] or 0.0)))[:limit]


class _Tally:
    """What is known of one model."""

    def __init__(self) -> None:
        self.runs = self.judged = self.first = 0
        self.confidences: list[float] = []

    def take_part(self, confidence: float | None) -> None:
        self.runs += 1
        self.confidences += [] if confidence is None else [confidence]

    def judge(self, *, first: bool) -> None:
        self.judged += 1
        self.first += first

    def line(self, model: str) -> JSON:
        return {
            "model": model,
            "runs": self.runs,
            "mean_confidence": round(mean(self.confidences), 3) if self.confidences else None,
            "judged": self.judged,
            "win_rate": round(self.first / self.judged, 3) if self.judged else None,
        }


def _rows(machine: Machine, since: str | None) -> list[RunRow]:
    if since is not None:
        try:
            date.fromisoformat(since)
        except ValueError:
            raise InputError(f"--since {since}: write YYYY-MM-DD") from None
    index = Index(machine.home)
    index.sync()
    return [row for row in index.runs(protocol=PROTOCOL) if since is None or row.created >= since]


def _results(machine: Machine, since: str | None) -> Iterator[Result]:
    for row in _rows(machine, since):
        result = None if row.status == "corrupt" else result_of(RunFolder(machine.home.runs / row.id))
        if result is not None and "iterations" in result.outcome.details:
            yield result


def _run_line(folder: RunFolder, row: RunRow) -> JSON:
    spec, result = folder.spec(), None if row.status == "corrupt" else result_of(folder)
    synthesis = (result.outcome.details.get("synthesis") if result else None) or {}
    return {
        "id": row.id,
        "created_at": row.created,
        "status": row.status,
        "strategy": spec.options["strategy"],
        "judging_method": spec.options["judging_method"],
        "iteration_count": row.rounds,
        "max_iterations": spec.options["rounds"],
        "final_confidence": synthesis.get("confidence"),
        "cost_usd": row.cost_usd,
        "user_prompt": row.title,
    }


def _told(decision: JSON) -> dict[str, str | None]:
    areas = "; ".join(decision.get("refinement_areas") or ())
    return {
        "Arbiter": decision.get("arbiter"),
        "Confidence": number(decision.get("confidence")),
        "Geometric confidence": number(decision.get("geometric_confidence")),
        "Synthesis": _short(decision.get("synthesis") or ""),
        "Refinement areas": _short(areas),
    }


def number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _short(text: str, length: int = 97) -> str:
    return one_line(text, length)
