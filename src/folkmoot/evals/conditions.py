"""Conditions: the ways of asking that an evaluation compares, as they are written after --conditions.

| written | asks |
|---|---|
| `seats` | each model of --models alone, once |
| `solo:MODEL` | that model alone, once |
| `self-consistency:MODEL:n=5` | one model five times, and takes the answer given most often |
| `best-of:MODEL:n=5` | one model five times, and lets it pick the best of its answers |
| `converge:threshold=9` | any protocol, with any of its options |
| `refinery`, `ensemble`, `council-rule`, `consortium-rule` | the rule of that system, with its own defaults |

`n` may be left out: then it is the number that costs as much as the condition named by `as=`, which is the plain vote
if that is left out too. Without a model, the first one of --models is taken.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from folkmoot.errors import InputError
from folkmoot.protocols import protocol_names

NAMED: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "refinery": ("converge", {"threshold": 8.0, "rounds": 5, "stability_rounds": 2, "scoring": "pairwise"}),
    "ensemble": ("debate", {"quick": True}),
    "council-rule": ("council", {"early": "off"}),
    "consortium-rule": ("consortium", {"confidence_threshold": 0.8, "rounds": 3, "min_iterations": 1}),
}
"""Rules of other systems, as the protocol and the options that have the originals' defaults."""

REPEATED: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "self-consistency": ("vote", {"early": "off"}),
    "best-of": ("consortium", {"judging_method": "pick-one", "rounds": 1}),
}
"""Conditions that ask one model several times."""

WITHOUT_ONE_ANSWER = frozenset({"brainstorm", "fanout"})
"""Protocols that end with several answers, so that there is nothing to grade."""

SOLO = "vote"  # of one seat: one call, and its answer


@dataclass(frozen=True)
class Condition:
    """One way of asking."""

    name: str  # as it was written
    protocol: str
    options: Mapping[str, Any] = field(default_factory=dict)
    models: tuple[str, ...] = ()  # as after --models
    repeats: int | None = 1  # seats for each model; None: as many as cost what `cost_of` costs
    cost_of: str | None = None  # the name of another condition
    further_calls: int = 0  # beside one for each repeat
    fewest: int = 1  # repeats, where the cost decides


def parse_conditions(
    written: Sequence[str], models: Sequence[str], baseline: str | None = None
) -> tuple[Condition, ...]:
    """The conditions of all words, each once, the baseline first. Raises InputError with every problem at once."""
    words = [word.strip() for each in written for word in _split(each) if word.strip()]
    found: dict[str, Condition] = {}
    problems: list[str] = []
    if baseline is not None:
        found[baseline_name(baseline)] = Condition(baseline_name(baseline), SOLO, models=(baseline,))
    for word in words or ("seats", "vote", "ask"):
        try:
            for each in _conditions(word, models):
                found.setdefault(each.name, each)
        except InputError as error:
            problems += error.problems
    for each in found.values():
        if each.cost_of is not None and each.cost_of not in found:
            problems.append(f"{each.name}: there is no condition {each.cost_of!r} to cost as much as; name it too")
        elif each.cost_of is not None and found[each.cost_of].cost_of is not None:
            problems.append(f"{each.name}: {each.cost_of} depends on another condition's cost itself")
        elif each.cost_of is not None and f"solo:{each.models[0]}" not in found:
            problems.append(f"{each.name}: name solo:{each.models[0]} too, whose cost is the unit")
    if problems:
        raise InputError(*problems)
    return tuple(found.values())


def baseline_name(model: str) -> str:
    return f"baseline:{model}"


def _split(written: str) -> list[str]:
    """Split at commas, but not at those inside brackets or quotes of a value."""
    parts, depth = [""], 0
    for letter in written:
        depth += (letter in "[{") - (letter in "]}")
        if letter == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return parts


def _conditions(word: str, models: Sequence[str]) -> list[Condition]:
    written, _, like = word.partition(":as=")  # the name of another condition may have colons in it
    name, *rest = written.split(":")
    given = dict(part.partition("=")[::2] for part in rest if "=" in part)
    argument = ":".join(part for part in rest if "=" not in part)
    if not models and not argument:
        raise InputError(f"{word}: --models names no model to ask")
    if name == "seats" and not rest:
        return [Condition(f"solo:{each}", SOLO, models=(each,)) for each in dict.fromkeys(models)]
    if name == "solo":
        model = argument or models[0]
        return [Condition(f"solo:{model}", SOLO, models=(model,))]
    if name in REPEATED:
        return [_repeated(word, name, argument or models[0], given, like)]
    if name in NAMED or name in protocol_names():
        if argument:
            raise InputError(f"{word}: write options as NAME=VALUE, not {argument!r}")
        protocol, fixed = NAMED.get(name, (name, {}))
        if protocol in WITHOUT_ONE_ANSWER:
            raise InputError(f"{word}: {protocol} ends with several answers, so there is no single one to grade")
        return [Condition(word, protocol, {**fixed, **_values(given)}, tuple(models))]
    known = ", ".join(("seats", "solo", *REPEATED, *NAMED, *protocol_names()))
    raise InputError(f"{word}: there is no condition {name!r}; there are {known}")


def _repeated(word: str, name: str, model: str, given: dict[str, str], like: str) -> Condition:
    protocol, fixed = REPEATED[name]
    count = given.pop("n", None)
    if count is not None and (like or not count.isdecimal() or not 1 <= int(count) <= 64):
        raise InputError(f"{word}: n is a number from 1 to 64, and as=CONDITION stands instead of it")
    options = {**fixed, **_values(given)}
    repeats = int(count) if count is not None else None
    cost_of = None if count is not None else like or "vote"
    picks = name == "best-of"
    return Condition(word, protocol, options, (model,), repeats, cost_of, further_calls=int(picks), fewest=1 + picks)


def _values(given: Mapping[str, str]) -> dict[str, Any]:
    return {name.replace("-", "_"): _value(text) for name, text in given.items()}


def _value(text: str) -> Any:
    """JSON where it is JSON, else the text: 9, true, off, ["a", "b"]."""
    try:
        return json.loads(text)
    except ValueError:
        return text
