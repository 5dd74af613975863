"""A run as training data: a line for every reply that could be read, with what was asked for it and how it was judged.

After what llm-consortium's export-training was to be, https://github.com/irthomasthomas/llm-consortium.
"""

import json
from collections.abc import Iterable, Mapping

from folkmoot.core.journal import read_lines
from folkmoot.counting import tally
from folkmoot.proof.recount import Testimony, recompute
from folkmoot.record.bundle import result_of
from folkmoot.record.store import RunFolder, RunSpec
from folkmoot.types import JSON, Result

Target = tuple[str, int, tuple[str, ...]]
"""Whose answer: scope, round, and its key."""


async def training_lines(folder: RunFolder) -> str:
    """JSON lines. A call that a fork took over has no `messages`: they stand in the record of the other run."""
    spec = folder.spec()
    found = await recompute(folder)
    asked = _asked(folder)
    scores = _scores(found.testimony)
    told = _lines(folder.id, spec, found.testimony, result_of(folder) or found.result, asked, scores)
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in told)


def _lines(
    run_id: str,
    spec: RunSpec,
    testimony: Testimony,
    result: Result,
    asked: Mapping[str, list[JSON]],
    scores: Mapping[Target, float],
) -> Iterable[JSON]:
    seats = {seat.name: seat for seat in spec.seats}
    ids = {seat.name: seat.id or seat.model for seat in spec.seats}
    for call in testimony.calls:
        if "failure" in call or "unread" in call or call["text"] is None:
            continue
        seat = seats[call["seat"]]
        yield {
            "run_id": run_id,
            "protocol": spec.protocol,
            "step": call["step"],
            "round": call["round"],
            "phase": call["phase"],
            "model_id": ids[seat.name],
            "model": seat.model,
            "answered_by": call.get("model"),
            "question": spec.prompt,
            "messages": asked.get(f"{call['step']}+repair" if "before_repair" in call else call["step"]),
            "reply": call["text"],
            "read": call.get("value", call["text"]),
            "about": [ids.get(each, each) for each in call["key"][1:]],
            "score": None if len(call["key"]) > 1 and call["phase"] == "evaluate" else scores.get(_of(call)),
            "won": seat.name == result.outcome.winner if result.outcome.winner else None,
            "status": result.status,
        }


def _of(call: JSON) -> Target:
    return call["scope"], call["round"], tuple(call["key"])


def _asked(folder: RunFolder) -> dict[str, list[JSON]]:
    """step -> the messages that were sent, the system prompt first."""
    found: dict[str, list[JSON]] = {}
    for line in read_lines(folder.journal):
        if line["kind"] == "started":
            system, messages = line["request"]["system"], line["request"]["messages"]
            turns = [
                {"role": role, "content": "\n\n".join(_part(folder, each) for each in parts)}
                for role, parts in messages
            ]
            found[line["step"]] = [*([{"role": "system", "content": system}] if system else []), *turns]
    return found


def _part(folder: RunFolder, part: str | JSON) -> str:
    if isinstance(part, str):
        return part
    return (folder.path / "parts" / str(part["part"])).read_bytes().decode("utf-8", "surrogatepass")


def _scores(testimony: Testimony) -> dict[Target, float]:
    """Mean score of each answer, from the ballots about it in its round."""
    author = {label: seat for seat, label in testimony.labels.items()}
    given: dict[tuple[str, int], dict[tuple[str, str], float]] = {}
    for call in testimony.calls:
        value = call.get("value")
        if call["phase"] != "evaluate" or not isinstance(value, dict):
            continue
        table = given.setdefault((call["scope"], call["round"]), {})
        if "score" in value:
            table[call["seat"], ">".join(call["key"][1:])] = value["score"]
        else:
            table |= {
                (call["seat"], author[label]): each["score"]
                for label, each in value.items()
                if label in author and isinstance(each, dict)
            }
    return {
        (scope, round, tuple(whose.split(">"))): mean
        for (scope, round), table in given.items()
        for whose, mean in tally.mean_scores(table, {author for _, author in table}).items()
    }
