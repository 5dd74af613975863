"""The shared test vectors: scripted replies, the ballots that come of them, and the verdict that must follow.

Python plays the replies through the real protocols; JavaScript counts the ballots. `python -m tests.vectors.played`
writes the ballots anew after a format or a protocol has changed; replies and verdicts are written by hand.

In a vector, `replies` are by step, else by phase. A JSON object is sent as JSON, `{"fails": KIND}` is a failure, and
`@s2` stands for the label of seat s2.
"""

import asyncio
import json
from pathlib import Path
from typing import Any

from folkmoot import events
from folkmoot.core.journal import Journal
from folkmoot.errors import ProviderError
from folkmoot.execute import checked, replay
from folkmoot.proof.recount import outcome_json, testify
from folkmoot.record.store import RunSpec
from folkmoot.testing import Reply
from folkmoot.types import JSON, Request
from tests.play import play, spec_for

PATH = Path(__file__).with_name("verdicts.json")

COUNTED = (
    "step",
    "scope",
    "round",
    "phase",
    "seat",
    "key",
    "order",
    "text",
    "value",
    "failure",
    "unread",
    "comes_to",
    "like",
)
"""What of a call a verdict may depend on."""


def load() -> list[JSON]:
    found: list[JSON] = json.loads(PATH.read_text("utf-8"))
    return found


def spec_of(vector: JSON) -> RunSpec:
    weights = vector["weights"]
    spec = spec_for(vector["protocol"], len(weights), prompt=vector.get("prompt", "How many?"), **vector["options"])
    seats = [
        seat.model_copy(update={"weight": float(weights[seat.number - 1])}) if seat.duty == "member" else seat
        for seat in spec.seats
    ]
    return checked(spec.model_copy(update={"seats": tuple(seats)})).spec


def played(vector: JSON) -> tuple[JSON, JSON]:
    """The outcome of the real protocol, and the ballots as an exported page holds them."""
    spec = spec_of(vector)
    unscripted: list[str] = []

    def says(request: Request) -> Reply:
        replies, about = vector["replies"], request.about
        reply = replies.get(about.step, replies.get(about.step.removesuffix("+repair"), replies.get(about.phase)))
        if reply is None:
            unscripted.append(about.step)
            return ""
        if isinstance(reply, dict) and "fails" in reply:
            return ProviderError(reply["fails"], "scripted")
        text = reply if isinstance(reply, str) else json.dumps(reply)
        for seat, label in spec.labels.items():
            text = text.replace(f"@{seat}", label)
        return text

    journal = Journal(None)
    result = play(spec, says, journal=journal)
    assert not unscripted, f"{vector['name']}: no reply for {unscripted}"
    heard: list[events.Event] = []
    asyncio.run(replay(spec, None, listeners=[heard.append], journal=journal))
    return outcome_json(result.outcome), _bare(testify(spec, journal, heard).model_dump(mode="json"))


def _bare(testimony: JSON) -> JSON:
    calls = [{key: call[key] for key in COUNTED if key in call} for call in testimony["calls"]]
    return {**testimony, "calls": calls}


def _lines(value: Any, depth: int) -> str:
    """JSON with a line for each key of a vector and for each of its calls."""
    if depth and isinstance(value, dict) and value:
        inner = ",\n".join(
            " " * (4 - depth) + f"{json.dumps(key)}: {_lines(each, depth - 1)}" for key, each in value.items()
        )
        return "{\n" + inner + "\n" + " " * (3 - depth) + "}"
    if depth == 0 and isinstance(value, list) and value and isinstance(value[0], dict) and "step" in value[0]:
        return "[\n    " + ",\n    ".join(json.dumps(each, ensure_ascii=False) for each in value) + "\n   ]"
    return json.dumps(value, ensure_ascii=False)


def write(vectors: list[JSON]) -> None:
    for vector in vectors:
        vector["ballots"] = played(vector)[1]
    told = [_vector(vector) for vector in vectors]
    PATH.write_text("[\n" + ",\n".join(told) + "\n]\n", "utf-8")


def _vector(vector: JSON) -> str:
    lines = [
        f" {json.dumps(key)}: {_lines(value, 1 if key in ('ballots', 'replies') else 0)}"
        for key, value in vector.items()
    ]
    return "{\n" + ",\n".join(lines) + "\n}"


if __name__ == "__main__":
    write(load())
