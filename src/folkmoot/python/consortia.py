"""A consortium as llm-consortium's users know it: `create_consortium(...)`, `.orchestrate(prompt)`, a dict.

(The name of this module is a plural, because `folkmoot.consortium` is the protocol as a function.)

>>> from folkmoot.python.consortia import create_consortium
>>> panel = create_consortium(["sim/careful", "sim/hasty:2"], confidence_threshold=0.9)          # doctest: +SKIP
>>> panel.orchestrate("What is 17 * 23?")["synthesis"]["synthesis"]                               # doctest: +SKIP
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from folkmoot.blocking import wait_for
from folkmoot.core.limits import Limits
from folkmoot.errors import InputError
from folkmoot.execute import Job, checked
from folkmoot.python.library import this_machine
from folkmoot.record.store import Turn
from folkmoot.running.planning import Asked, plan
from folkmoot.running.runs import Machine, begin
from folkmoot.types import JSON, Result, Seat


class Consortium:
    """Members, an arbiter and the rule that ends it. It keeps nothing between two prompts."""

    def __init__(self, job: Job, machine: Machine) -> None:
        self._job, self._machine = job, machine

    @property
    def seats(self) -> tuple[Seat, ...]:
        """The members, then the seats with another duty, e.g. the arbiter."""
        return self._job.spec.seats

    def orchestrate(self, prompt: str, conversation_history: Sequence[Mapping[str, str]] = ()) -> JSON:
        """Ask, and return the result in llm-consortium's form; see `documented`. Works inside a running event loop too.

        `conversation_history` holds earlier turns, `{"role": "user" or "assistant", "content": ...}`; members and
        arbiter read them.
        """
        return wait_for(self.orchestrate_async(prompt, conversation_history))

    async def orchestrate_async(self, prompt: str, conversation_history: Sequence[Mapping[str, str]] = ()) -> JSON:
        turns = tuple(
            Turn.model_validate({"role": each["role"], "text": each["content"]}) for each in conversation_history
        )
        asked = self._job.spec.model_copy(update={"prompt": prompt, "title": prompt, "history": turns, "created": ""})
        return documented(await begin(checked(asked), self._machine))


def create_consortium(
    models: str | Sequence[str] | Mapping[str, int],
    confidence_threshold: float = 0.8,
    max_iterations: int = 3,
    min_iterations: int = 1,
    arbiter: str | None = None,
    system_prompt: str | None = None,
    default_count: int = 1,
    raw: bool = False,  # noqa: ARG001
    *,
    minimum_iterations: int | None = None,
    judging_method: Literal["default", "rank", "pick-one"] = "default",
    strategy: str = "default",
    strategy_params: Mapping[str, Any] | None = None,
    manual_context: bool = False,
    embedding_backend: str | None = None,
    embedding_model: str | None = None,
    seed: int = 0,
    limits: Limits | None = None,
    machine: Machine | None = None,
) -> Consortium:
    """A consortium of `models`, written `model`, `model:2` or `model*2`, or as a mapping from model to count.

    Names and defaults are llm-consortium's, of both its generations; the arbiter is the first model's unless one is
    named. `raw` changes nothing: what everybody wrote is always in the result. Raises InputError for whatever is wrong.
    """
    machine = machine or this_machine()
    if isinstance(models, Mapping):
        models = [f"{model}*{count}" for model, count in models.items()]
    written = [models] if isinstance(models, str) else list(models)
    if not any(each.strip() for each in written):
        raise InputError("no model is named, and a consortium needs some")
    options: dict[str, Any] = {
        "arbiter": arbiter or (),
        "confidence_threshold": confidence_threshold,
        "rounds": max_iterations,
        "min_iterations": min_iterations if minimum_iterations is None else minimum_iterations,
        "judging_method": judging_method,
        "strategy": strategy,
        "strategy_param": _written(strategy_params or {}),
        "context": "manual" if manual_context else "auto",
        "embedding_backend": embedding_backend,
        "embedding_model": embedding_model,
    }
    asked = Asked(
        "", protocol="consortium", models=written, count=default_count, options=options, seed=seed,
        limits=(limits or Limits()).model_dump(exclude_unset=True), system=system_prompt,
    )  # fmt: skip
    return Consortium(plan(asked, machine), machine)


def _written(params: Mapping[str, Any]) -> tuple[str, ...]:
    """Parameters as `--strategy-param` takes them.

    >>> _written({"roles": ["Optimist", "Pessimist"], "require_majority": False})
    ('roles=Optimist', 'roles=Pessimist', 'require_majority=False')
    """
    return tuple(
        f"{key}={each}"
        for key, value in params.items()
        for each in (value if isinstance(value, list | tuple) else (value,))
    )


def documented(result: Result) -> JSON:
    """A result as `orchestrate` returns it and `--output` writes it: llm-consortium's keys, and ours at the end.

    `synthesis` has at least the key `synthesis`, None where there is no answer. `model_responses` are those of the
    last round, with an `error` for members without a usable reply.
    """
    details = result.outcome.details
    iterations = [_iteration(each, result) for each in details.get("iterations", ())]
    metadata = details.get("metadata", {})
    return {
        "original_prompt": result.prompt,
        "synthesis": details.get("synthesis") or {"synthesis": result.answer, "confidence": None},
        "model_responses": iterations[-1]["model_responses"] if iterations else _errors(result, result.outcome.round),
        "iterations": iterations,
        "metadata": {**metadata, "total_iterations": len(iterations), "consortium_id": result.run_id},
        "status": result.status,
        "explanation": result.outcome.explanation,
        "usage": result.usage.model_dump(),
        "cost_usd": result.cost_usd,
        "elapsed_ms": result.elapsed_ms,
    }


def _iteration(told: JSON, result: Result) -> JSON:
    answered = [
        {**_who(each["model_id"], result)} | {key: value for key, value in each.items() if key != "model_id"}
        for each in told["model_responses"]
    ]
    return told | {"model_responses": [*answered, *_errors(result, told["iteration"])]}


def _errors(result: Result, round: int) -> list[JSON]:
    return [
        _who(each.model_id, result) | {"error": each.message}
        for each in result.failures
        if each.phase == "propose" and each.round == round
    ]


def _who(model_id: str, result: Result) -> JSON:
    """Return llm-consortium's name of a member: its model and the number of the instance, from 1."""
    model = next(seat.model for seat in result.seats if seat.model_id == model_id)
    same = [seat.model_id for seat in result.seats if seat.model == model]
    return {"model": model, "instance": same.index(model_id) + 1}
