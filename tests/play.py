"""Running a protocol over scripted seats: what most tests of protocols and of the engine begin with."""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from folkmoot import events
from folkmoot.core.journal import Journal
from folkmoot.core.limits import Limits, PriceOf, Purse
from folkmoot.execute import checked, execute, no_price, replay
from folkmoot.machine.seats import seats_of
from folkmoot.record.store import RunFolder, RunSpec
from folkmoot.testing import Script, ScriptedProvider
from folkmoot.types import JSON, Provider, Request, Result

PROMPT = "What is 17 * 23?"
ONE_ATTEMPT = Limits(retries=0)


def spec_for(
    protocol: str,
    seats: int | Sequence[str] = 3,
    *,
    prompt: str = PROMPT,
    limits: Limits = ONE_ATTEMPT,
    seed: int = 0,
    **options: Any,
) -> RunSpec:
    """A run of `protocol` with so many scripted seats, or with these models."""
    models = (
        [f"scripted/{'abcdefghijklmnopqrstuvwxyz'[at]}" for at in range(seats)] if isinstance(seats, int) else seats
    )
    return checked(
        RunSpec(
            protocol=protocol, options=options, prompt=prompt, seats=seats_of(list(models)), limits=limits, seed=seed
        )
    ).spec


def play(
    protocol: str | RunSpec,
    script: Script | Provider,
    seats: int | Sequence[str] = 3,
    *,
    folder: RunFolder | None = None,
    journal: Journal | None = None,
    heard: list[events.Event] | None = None,
    price: PriceOf = no_price,
    amend: Mapping[str, Any] | None = None,
    **asked: Any,
) -> Result:
    """What a protocol decides when its seats answer by `script`, e.g. a function of the request.

    `asked` holds the protocol's options and whatever `spec_for` takes. To look at the requests, give a
    ScriptedProvider as the script; to look at the events, a list as `heard`.
    """
    spec = protocol if isinstance(protocol, RunSpec) else spec_for(protocol, seats, **asked)
    provider = cast(Provider, script) if hasattr(script, "complete") else ScriptedProvider(script)
    if folder is not None and not (folder.path / "run.json").exists():
        folder.path.mkdir(parents=True, exist_ok=True)
        folder.save(spec)
    return asyncio.run(
        execute(
            replace(checked(spec), amend=dict(amend or {})),
            dict.fromkeys({seat.provider for seat in spec.seats}, provider),
            folder=folder,
            journal=journal,
            listeners=[heard.append] if heard is not None else [],
            purse=Purse(spec.limits, price),
        )
    )


def replayed(folder: RunFolder) -> Result:
    return asyncio.run(replay(folder.spec(), folder))


def lines(folder: RunFolder, *kinds: str) -> list[JSON]:
    """The record's lines of these kinds, or all."""
    found = [json.loads(line) for line in folder.journal.read_text().splitlines()]
    return [line for line in found if not kinds or line["kind"] in kinds]


def new_folder(path: Path) -> RunFolder:
    return RunFolder(path / "run")


def steps(provider: ScriptedProvider) -> list[str]:
    return [request.about.step for request in provider.requests]


def prompt_of(request: Request) -> str:
    return request.messages[-1].text


def author_of(request: Request) -> str:
    """Whose answer a call of converge judges."""
    return request.about.step.removesuffix("+repair").rpartition(">")[2]


def review(score: object, said: str = "Fine.", **lists: list[str]) -> str:
    """A review as a seat writes it."""
    return json.dumps({"overall_assessment": said, "score": score} | lists)


def judges(
    scores: float | Mapping[str, float] | Callable[[Request], object] = 8.0,
    answer: Callable[[Request], str] = lambda request: f"{request.about.seat.name} in round {request.about.round}",
) -> Callable[[Request], str]:
    """A script for converge: `answer` when proposing; when judging, the same score for all, or one per author."""

    def script(request: Request) -> str:
        if request.about.phase == "propose":
            return answer(request)
        author = author_of(request)
        given = scores(request) if callable(scores) else scores[author] if isinstance(scores, Mapping) else scores
        return review(given)

    return script
