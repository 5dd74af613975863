"""The text of one call: what a seat was sent, and what it wrote."""

from collections.abc import Iterable

from folkmoot.core.journal import read_lines
from folkmoot.errors import InputError
from folkmoot.formats.speech import speech_in
from folkmoot.record.store import RunFolder
from folkmoot.types import JSON, Record


class SentTurn(Record):
    role: str  # system, user or assistant
    text: str


class Exchange(Record):
    """One request, and the reply to it."""

    step: str
    seat: str
    sent: tuple[SentTurn, ...]  # empty where a fork copied the reply from a run that was deleted
    reply: str | None = None  # without thoughts
    reasoning: str | None = None  # the thoughts
    failure: str | None = None  # why there is no reply; both are None while it is waited for


def exchanges(folder: RunFolder, step: str) -> tuple[Exchange, ...]:
    """The exchange of a step; a second one where the first reply could not be read and the seat was asked again.

    A fork has the replies that it took over; what they answer stands in the run that it was forked from. Raises
    InputError, with the steps there are, when the run has no such step.
    """
    lines = list(read_lines(folder.journal)) if folder.journal.exists() else []
    found = [each for name in (step, f"{step}+repair") if (each := _exchange(folder, lines, name))]
    if not found:
        steps = dict.fromkeys(line["step"] for line in lines if "step" in line)
        near = [each for each in steps if step in each] or list(steps)
        raise InputError(f"{folder.id} has no step {step!r}; it has {', '.join(near) or 'none yet'}")
    return tuple(found)


def _exchange(folder: RunFolder, lines: Iterable[JSON], step: str) -> Exchange | None:
    """Return the last request of a step, with its reply or failure."""
    here: list[JSON] = []
    for line in lines:
        if line.get("step") == step:
            asked_anew = line["kind"] in ("started", "forget") or (line["kind"] == "finished" and line.get("copied"))
            here = [line] if asked_anew else [*here, line]
    seat = next((line["seat"] for line in here if "seat" in line), None)
    if seat is None:
        return None
    last: dict[str, JSON] = {line["kind"]: line for line in here}
    finished = last.get("finished", {})
    written = (finished.get("completion") or {}).get("text")
    speech = speech_in(written) if written is not None else None
    error, refused = finished.get("error"), last.get("refused", {})
    return Exchange(
        step=step,
        seat=seat,
        sent=_sent(folder, last["started"]["request"]) if "started" in last else _taken_over(folder, step),
        reply=speech.text if speech else None,
        reasoning=(speech.reasoning or None) if speech else None,
        failure=f"{error['kind']}: {error['message']}" if error else refused.get("message"),
    )


def _sent(folder: RunFolder, request: JSON) -> tuple[SentTurn, ...]:
    system = [SentTurn(role="system", text=request["system"])] if request["system"] else []
    turns = [
        SentTurn(role=role, text="\n\n".join(_text(folder, each) for each in parts))
        for role, parts in request["messages"]
    ]
    return (*system, *turns)


def _text(folder: RunFolder, part: str | JSON) -> str:
    if isinstance(part, str):
        return part
    kept: bytes = (folder.path / "parts" / part["part"]).read_bytes()
    return kept.decode("utf-8", "surrogatepass")


def _taken_over(folder: RunFolder, step: str) -> tuple[SentTurn, ...]:
    origin, _, _ = (folder.spec().forked_from or "").partition("@")
    source = RunFolder(folder.path.parent / origin)
    if not origin or not source.journal.exists():
        return ()
    return next((each.sent for each in exchanges(source, step) if each.step == step), ())
