"""The solver: a panel answers each sample, in a run that a retry, or a new start after a kill, goes on with.

A run's folder is named by the task, the sample, the epoch, and by what exactly is asked of whom. Inspect's own retries
ask a sample anew from its first call; here every finished call is on record and is not paid again.
"""

from dataclasses import replace
from typing import Any

from inspect_ai.log._samples import sample_active  # Inspect tells a solver its task in no public way
from inspect_ai.model import model_roles
from inspect_ai.solver import Generate, Solver, TaskState, solver

from folkmoot.errors import InputError
from folkmoot.evals.folders import run_folder
from folkmoot.frontends.inspect.asking import job_of, limits_in, output_of, summary, with_roles
from folkmoot.python.library import this_machine
from folkmoot.record.files import safe_name
from folkmoot.record.store import Home
from folkmoot.running.planning import Asked
from folkmoot.running.runs import begin_in

NO_MODEL = ("none", "mockllm", "folkmoot")
"""Inspect's models that are no seat of a panel."""


@solver
def panel(
    protocol: str | None = None,
    models: str | list[str] = "",
    panel: str | None = None,
    recordings: str | list[str] = (),  # type: ignore[assignment]
    version: str = "",
    **options: Any,
) -> Solver:
    """Let a panel answer each sample.

    `models` is what --models takes; without it, the model under evaluation is asked, alone. `panel` is a saved panel.
    `options` are the protocol's, or fields of Limits such as budget=0.5. `version` is yours: another one starts all
    runs anew. The runs are kept in FOLKMOOT_HOME under evals/inspect-TASK.
    """
    asked = Asked(
        "",
        protocol=protocol or (None if panel else "ask"),
        panel=panel,
        limits=limits_in(options),
        models=[models] if isinstance(models, str) and models else list(models),
        recordings=[recordings] if isinstance(recordings, str) else list(recordings),
    )

    async def solve(state: TaskState, _: Generate) -> TaskState:
        machine = this_machine()
        active = sample_active()
        task = active.task if active is not None else "task"
        seats = asked.models or ([] if panel else [_evaluated(state)])
        chosen = with_roles(asked.protocol, options, model_roles())
        job = job_of(replace(asked, models=seats, options=chosen), state.messages, machine)
        home = Home(machine.home.path / "evals" / safe_name(f"inspect-{task}"))
        identity = ["inspect", task, version, str(state.sample_id), state.epoch]
        folder = run_folder(home, identity, f"{state.sample_id}_{job.spec.protocol}", job.spec)
        before = folder.result()
        unanswered = before is not None and before.best_answer is None  # so that Inspect has asked for it again
        result = await begin_in(folder, job, machine, retry_failed=unanswered)
        state.output = output_of(result, f"folkmoot/{panel or job.spec.protocol}")
        state.messages.append(state.output.message)
        state.store.set("folkmoot", summary(result))
        return state

    return solve


def _evaluated(state: TaskState) -> str:
    """The model that Inspect evaluates, as a seat."""
    model = f"{state.model.api}/{state.model.name}"
    if state.model.api in NO_MODEL:
        raise InputError(f"the solver needs seats: models='a,b,c' (the model under evaluation, {model}, is none)")
    return model
