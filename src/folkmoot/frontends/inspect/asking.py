"""From Inspect's messages to what a panel is asked, and from a result to Inspect's output."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from inspect_ai.model import ChatMessage, ModelOutput, ModelUsage

from folkmoot.core.limits import Limits
from folkmoot.errors import FolkmootError, InputError
from folkmoot.evals.conditions import WITHOUT_ONE_ANSWER
from folkmoot.execute import Job
from folkmoot.protocols import find_protocol
from folkmoot.record.store import Turn
from folkmoot.running.planning import Asked, plan
from folkmoot.running.runs import Machine
from folkmoot.types import JSON, Result


class Unanswered(FolkmootError):
    """A run ended without any answer, so the sample has failed."""


def job_of(asked: Asked, messages: Sequence[ChatMessage], machine: Machine) -> Job:
    """What is asked: the last message, after those before it.

    Raises InputError for a protocol that ends with several answers, and for messages with images or tools.
    """
    check_protocol(asked, machine)
    system = "\n\n".join(text_of(each) for each in messages if each.role == "system")
    turns = [each for each in messages if each.role != "system"]
    if not turns or turns[-1].role != "user":
        raise InputError("a panel answers a question: the last message must be the user's")
    if tools := [each for each in turns if each.role not in ("user", "assistant")]:
        raise InputError(f"a panel takes no tools, and there is a message of the role {tools[0].role}")
    history = [Turn(role=each.role, text=text_of(each)) for each in turns[:-1]]
    question = text_of(turns[-1])
    asked = replace(asked, prompt=question, title=question, history=history, system=system or None)
    return plan(asked, machine)


def check_protocol(asked: Asked, machine: Machine) -> None:
    """Raises InputError for a protocol that ends with several answers."""
    protocol = asked.protocol
    if asked.panel is not None and asked.panel in machine.panels:
        protocol = machine.panels[asked.panel].protocol
    if protocol in WITHOUT_ONE_ANSWER:
        raise InputError(f"{protocol} ends with several answers, so it cannot be evaluated as a model")


def limits_in(options: dict[str, Any]) -> dict[str, Any]:
    """Take the fields of Limits out of `options`."""
    return {name: options.pop(name) for name in list(options) if name in Limits.model_fields}


def text_of(message: ChatMessage) -> str:
    """A message's text. Raises InputError where it has anything else."""
    if not isinstance(message.content, str):
        kinds = {part.type for part in message.content} - {"text", "reasoning"}
        if kinds:
            raise InputError(f"a message has {' and '.join(sorted(kinds))} in it; a panel is asked text only")
    return str(message.text)


def with_roles(protocol: str | None, options: Mapping[str, Any], roles: Mapping[str, Any]) -> dict[str, Any]:
    """`options` with Inspect's model roles (arbiter, chair, judge) where the protocol has such a duty."""
    if protocol is None or not roles:
        return dict(options)
    found = dict(options)
    for name, field in find_protocol(protocol).options.model_fields.items():
        extra = field.json_schema_extra
        duty = extra.get("duty") if isinstance(extra, dict) else None
        if isinstance(duty, str) and duty in roles and name not in found:
            seat = seat_of(str(roles[duty][0] if isinstance(roles[duty], list) else roles[duty]))
            found[name] = seat if field.annotation == (str | None) else [seat]
    return found


def seat_of(model: str) -> str:
    """One of Inspect's models as a seat: folkmoot/vote@MODEL is MODEL, and folkmoot/PANEL is panel/PANEL."""
    api, _, name = model.partition("/")
    if api != "folkmoot":
        return model
    return name.partition("@")[2] or f"panel/{name}"


def output_of(result: Result, model: str) -> ModelOutput:
    """The answer, or the leading one, with tokens and cost. Raises Unanswered where there is neither."""
    answer = result.best_answer
    if answer is None:
        why = "; ".join(each.message for each in result.failures) or result.outcome.explanation
        raise Unanswered(f"{result.protocol} ended as {result.status} without an answer: {why}")
    output = ModelOutput.from_content(model=model, content=answer)
    used = result.usage
    output.usage = ModelUsage(
        input_tokens=used.input_tokens - used.cached_tokens - used.cache_write_tokens,
        output_tokens=used.output_tokens,
        total_tokens=used.input_tokens + used.output_tokens,
        input_tokens_cache_read=used.cached_tokens or None,
        input_tokens_cache_write=used.cache_write_tokens or None,
        reasoning_tokens=used.reasoning_tokens or None,
        total_cost=result.cost_usd,
    )
    output.metadata = {"folkmoot": summary(result)}
    return output


def summary(result: Result) -> JSON:
    """What Inspect's log keeps of a run beside its answer."""
    return {
        "run": result.run_id, "folder": result.folder, "protocol": result.protocol, "status": result.status,
        "decided": result.outcome.met, "degraded": result.degraded, "calls": result.attempts, "usd": result.cost_usd,
    }  # fmt: skip
