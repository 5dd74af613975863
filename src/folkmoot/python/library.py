"""Running a protocol from Python: `folkmoot.converge("...", models="sim")`, and the same with `await`."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from folkmoot import events
from folkmoot.blocking import wait_for
from folkmoot.core.limits import Limits
from folkmoot.errors import InputError
from folkmoot.machine.config import config_path, load_config, with_credentials
from folkmoot.record.marks import Mark
from folkmoot.record.store import Home, Turn
from folkmoot.running.marking import mark
from folkmoot.running.planning import Asked, plan
from folkmoot.running.runs import Machine, begin, go_on
from folkmoot.types import Result, Seat


def this_machine() -> Machine:
    """This process's environment with the credentials of ./.env, the configuration, and the home of the runs."""
    environ = with_credentials(os.environ, Path.cwd(), lambda _: None)
    return Machine(environ, load_config(config_path(environ)), Home.of(environ))


async def run_protocol_async(
    protocol: str,
    prompt: str,
    models: str | Sequence[str] | Sequence[Seat],
    *,
    seed: int = 0,
    limits: Limits | None = None,
    listeners: Sequence[events.Listener] = (),
    recordings: Sequence[str | Path] = (),
    machine: Machine | None = None,
    **options: Any,
) -> Result:
    """Ask a panel and return the result; the run is recorded like any other.

    `models` is what `--models` takes, or seats. `options` are the protocol's, or fields of Limits such as
    `budget=1.0`. Raises InputError before anything is spent.
    """
    machine = machine or this_machine()
    if not models:
        raise InputError("no models were named")
    of_limits = {name: options.pop(name) for name in list(options) if name in Limits.model_fields}
    seats = () if isinstance(models, str) else tuple(each for each in models if isinstance(each, Seat))
    written = [models] if isinstance(models, str) else [str(each) for each in models]
    asked = Asked(
        prompt,
        protocol=protocol,
        models=() if seats else written,
        seats=seats,
        options=options,
        limits={**(limits or Limits()).model_dump(exclude_unset=True), **of_limits},
        seed=seed,
        recordings=[str(Path(path).absolute()) for path in recordings],
    )
    return await begin(plan(asked, machine), machine, listeners=listeners)


async def ask_panel_async(
    panel: str,
    prompt: str,
    *,
    history: Sequence[Turn] = (),
    seed: int = 0,
    listeners: Sequence[events.Listener] = (),
    machine: Machine | None = None,
    **options: Any,
) -> Result:
    """Ask a saved panel, by its own protocol. `options` go before those it was saved with; some are fields of Limits.

    `history` holds the turns of the conversation before this question. Raises InputError before anything is spent.
    """
    machine = machine or this_machine()
    limits = {name: options.pop(name) for name in list(options) if name in Limits.model_fields}
    asked = Asked(prompt, panel=panel, options=options, limits=limits, history=history, seed=seed)
    return await begin(plan(asked, machine), machine, listeners=listeners)


def ask_panel(panel: str, prompt: str, **options: Any) -> Result:
    """Synchronous version of `ask_panel_async`; works in a notebook too."""
    return wait_for(ask_panel_async(panel, prompt, **options))


def run_protocol(protocol: str, prompt: str, models: str | Sequence[str] | Sequence[Seat], **options: Any) -> Result:
    """Synchronous version of `run_protocol_async`; works in a notebook too."""
    return wait_for(run_protocol_async(protocol, prompt, models, **options))


def mark_run(
    run_id: str, verdict: str, *, answer: str | None = None, note: str | None = None, machine: Machine | None = None
) -> Mark:
    """Say whether a run's answer was "right", "wrong" or "partly" right, and what the right answer is.

    `folkmoot.mark_run("last", "wrong", answer="391")`. What the run decided stays; evaluations learn from the mark.
    """
    machine = machine or this_machine()
    return mark(machine.home.find(run_id), machine.home, verdict, answer=answer, note=note)


def resume_run(
    run_id: str,
    *,
    retry_failed: bool = False,
    limits: Mapping[str, Any] | None = None,
    listeners: Sequence[events.Listener] = (),
    machine: Machine | None = None,
    **options: Any,
) -> Result:
    """Go on with a run on record: `resume_run("last", rounds=8)`. Nothing that is finished is paid again."""
    machine = machine or this_machine()
    folder = machine.home.find(run_id)
    return wait_for(
        go_on(folder, machine, retry_failed=retry_failed, options=options, limits=limits, listeners=listeners)
    )
