"""Runs to look at: events made by hand, and real converges with scripted seats."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from folkmoot import events
from folkmoot.core.limits import Limits
from folkmoot.errors import ProviderError
from folkmoot.execute import checked, execute, replay
from folkmoot.machine.seats import seats_of
from folkmoot.record.store import Home, RunSpec
from folkmoot.testing import Reply, Script, ScriptedProvider
from folkmoot.types import Candidate, Outcome, Request, Result, Seat, SeatReport, Usage

MODELS = ("codex-cli/gpt-5.4", "gemini-cli/gemini-3", "claude-code/opus")
NAMES = {"codex": "s1", "gemini": "s2", "claude": "s3"}


def seats(models: Sequence[str] = MODELS) -> tuple[Seat, ...]:
    return seats_of(list(models))


def started(models: Sequence[str] = MODELS, **given: Any) -> events.RunStarted:
    return events.RunStarted("run-1", "converge", "What is 6 * 7?", seats(models), {}, None, **given)


def begun(step: str) -> events.CallStarted:
    """The start of a call, e.g. of r1/evaluate/s1>s2."""
    key = _key(step)
    return events.CallStarted(step, key[0], key)


def finished(step: str, brief: str, **given: Any) -> events.CallFinished:
    key = _key(step)
    cost = {"usage": None, "usd": 0.0, "list_usd": None} | given
    return events.CallFinished(step, key[0], key, "text", "value", brief, 1.0, **cost)


def failed(step: str, message: str, kind: str = "server") -> events.CallFailed:
    key = _key(step)
    return events.CallFailed(step, key[0], key, kind, message)


def written(step: str, text: str, attempt: int = 1) -> events.TextDelta:
    key = _key(step)
    return events.TextDelta(step, key[0], key, text, attempt)


def retried(step: str, kind: str = "rate", wait: float = 2.0) -> events.AttemptFailed:
    key = _key(step)
    return events.AttemptFailed(step, key[0], key, 1, kind, "429", wait)


def repaired(step: str, message: str) -> events.RepairAsked:
    key = _key(step)
    return events.RepairAsked(step, key[0], key, message)


def offered(
    explanation: str, *scores: Mapping[str, float], leader: str | None, met: bool = False, scope: str = ""
) -> events.Offered:
    return events.Offered(outcome(explanation, *scores, leader=leader, met=met), scope)


def outcome(
    explanation: str, *scores: Mapping[str, float], leader: str | None, met: bool = False, **given: Any
) -> Outcome:
    """The outcome of a converge in which every seat wrote "answer of <seat>"."""
    answers = tuple(
        Candidate(seat=seat.name, answer=f"answer of {seat.name}", score=scores[-1].get(seat.name) if scores else None)
        for seat in seats()
    )
    fields: dict[str, Any] = {
        "status": "converged" if met else "max_rounds_exceeded",
        "met": met,
        "winner": leader if met else None,
        "answer": f"answer of {leader}" if met else None,
        "answers": answers,
        "round": len(scores),
        "strategy": "vote-threshold",
        "explanation": explanation,
        "leader": leader,
        "scores": tuple(scores),
    }
    return Outcome(**(fields | given))


def result(decided: Outcome, **given: Any) -> Result:
    reports = tuple(
        SeatReport(model_id=seat.id, seat=seat.name, model=seat.model, calls=6, cost_usd=0.01, billing="metered",
                   usage=Usage(input_tokens=1000, output_tokens=100))
        for seat in seats()
    )  # fmt: skip
    fields: dict[str, Any] = {
        "run_id": "20260101-120000_what-is-6_0a1b",
        "protocol": "converge",
        "prompt": "What is 6 * 7?",
        "outcome": decided,
        "seats": reports,
        "failures": (),
        "usage": Usage(input_tokens=3000, output_tokens=300),
        "cost_usd": 0.03,
        "list_usd": None,
        "degraded": False,
        "total_calls": 18,
        "attempts": 18,
        "repairs": 0,
        "elapsed_ms": 80667,
        "dropped": (),
    }
    return Result(**(fields | given))


def review(score: float, said: str = "Correct and clear.") -> str:
    return json.dumps({"overall_assessment": said, "score": score})


def judging(request: Request) -> Reply:
    """Writes `answer of <seat>`, and gives every answer 9 but that of the second seat, which gets 7."""
    about = request.about
    if about.phase == "propose":
        return f"answer of {about.seat.name}"
    return review(7 if about.step.endswith(">s2") else 9)


def refusing(request: Request) -> Reply:
    """As `judging`, but the second seat's log-in is refused."""
    if request.about.seat.name == "s2":
        return ProviderError("auth", "the key was refused")
    return judging(request)


def play(
    script: Script,
    *listeners: events.Listener,
    models: Sequence[str] = ("x/a", "x/b", "x/c"),
    home: Path | None = None,
    options: Mapping[str, Any] | None = None,
    limits: Limits | None = None,
    concurrency: int | None = None,
) -> Result:
    """A real converge with scripted seats."""
    spec = checked(
        RunSpec(
            protocol="converge", prompt="What is 6 * 7?", seats=seats(models), options=dict(options or {}),
            limits=limits or Limits(backoff=0.0),
        )
    ).spec  # fmt: skip
    folder = None
    if home is not None:
        folder = Home(home).create(spec.prompt)
        folder.save(spec)
    provider = ScriptedProvider(script, concurrency=concurrency)
    return asyncio.run(execute(checked(spec), {"x": provider}, folder=folder, listeners=listeners))


def play_again(home: Path, *listeners: events.Listener) -> Result:
    (folder,) = Home(home).folders()
    return asyncio.run(replay(folder.spec(), folder, listeners=listeners))


def _key(step: str) -> tuple[str, ...]:
    return tuple(step.rpartition("/")[2].removesuffix("+repair").split(">"))
