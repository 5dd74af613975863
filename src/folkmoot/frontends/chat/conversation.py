"""A conversation with a panel: the settings of the next question, and the turns so far.

It is kept nowhere: every run has the turns before it on record, so a conversation can go on from any of its runs.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from folkmoot.errors import InputError
from folkmoot.execute import Job
from folkmoot.protocols import find_protocol, protocol_names
from folkmoot.record.bundle import result_of
from folkmoot.record.store import RunFolder, RunSpec, Turn
from folkmoot.render.wording import money
from folkmoot.running.planning import DEFAULT_PROTOCOL, Asked, Dress, plan
from folkmoot.running.runs import Machine
from folkmoot.types import Result, Seat

Note = Callable[[str], None]


@dataclass(frozen=True)
class Setting:
    """The settings of the next question."""

    panel: str | None = None
    models: tuple[str, ...] = ()  # as after --models
    seats: tuple[Seat, ...] = ()  # instead of models
    protocol: str | None = None  # None: the panel's own, else `ask`
    rounds: int | None = None  # for protocols that have rounds
    options: Mapping[str, Any] = field(default_factory=dict)
    limits: Mapping[str, Any] = field(default_factory=dict)
    budget: float | None = None  # USD for the whole chat
    recordings: tuple[str, ...] = ()
    seed: int = 0
    dress: Dress | None = None


@dataclass(frozen=True)
class Asking:
    """One question of the chat that was begun."""

    question: str
    folder: RunFolder
    result: Result


class Conversation:
    """The turns of a chat, their cost, and the settings of the next question."""

    def __init__(self, machine: Machine, setting: Setting, earlier: tuple[Turn, ...] = ()) -> None:
        self.machine, self.setting = machine, setting
        self.turns = list(earlier)
        self.askings: list[Asking] = []

    @property
    def spent(self) -> float:
        return sum(each.result.cost_usd or each.result.cost_at_most_usd or 0.0 for each in self.askings)

    @property
    def protocol(self) -> str:
        """The protocol that the next question is asked by."""
        return self._protocol(self.setting)

    def change(self, note: Note = lambda _: None, **changes: Any) -> None:
        """Change the settings. Raises InputError, and changes nothing, where a question could not be asked with them.

        `note` is told which seats were found where nobody named any; they stay the chat's.
        """
        changed = replace(self.setting, **changes)
        spec = self._planned(changed, "?", {}, note).spec
        if not (changed.panel or changed.models or changed.seats):
            changed = replace(changed, seats=tuple(seat for seat in spec.seats if seat.duty == "member"))
        self.setting = changed

    def switch(self, note: Note, **changes: Any) -> None:
        """`change` to what may be another protocol: options that it does not have are no longer set, and that is said.

        Raises InputError like `change`.
        """
        protocol = self._protocol(replace(self.setting, **changes))
        known = find_protocol(protocol).options.model_fields
        kept = {name: value for name, value in self.setting.options.items() if name in known}
        lost = [name.replace("_", "-") for name in self.setting.options if name not in kept]
        self.change(note, options=kept, **changes)
        if lost:
            note(f"{protocol} has no {' and no '.join(lost)}: no longer set")

    def plan(self, question: str) -> Job:
        """The job of the next question. Raises InputError where it cannot be run, or the budget is used up."""
        try:
            question.encode()
        except UnicodeEncodeError:  # bytes that are not UTF-8 arrive as lone surrogates
            raise InputError("the question is not UTF-8 text") from None
        return self._planned(self.setting, question, self._left(), lambda _: None)

    def add(self, asking: Asking) -> None:
        """Add the result of a question. Only an answer becomes a turn of the conversation."""
        self.askings.append(asking)
        answer = said(asking.folder.spec(), asking.result)
        if answer and asking.result.status != "cancelled":
            self.turns += [Turn(role="user", text=asking.question), Turn(role="assistant", text=answer)]

    def _planned(self, setting: Setting, question: str, limits: Mapping[str, Any], note: Note) -> Job:
        protocol = self._protocol(setting)
        known = find_protocol(protocol).options.model_fields
        if unknown := [name for name in setting.options if name not in known]:
            raise InputError(*(_not_there(name, protocol) for name in unknown))
        rounds = {"rounds": setting.rounds} if setting.rounds is not None and "rounds" in known else {}
        return plan(
            Asked(
                question,
                panel=setting.panel,
                protocol=protocol,
                models=setting.models,
                seats=setting.seats,
                options={**setting.options, **rounds},
                limits={**setting.limits, **limits},
                history=self.turns,
                recordings=setting.recordings,
                seed=setting.seed,
                dress=setting.dress,
            ),
            self.machine,
            note,
        )

    def _protocol(self, setting: Setting) -> str:
        panel = self.machine.panels.get(setting.panel) if setting.panel else None
        return setting.protocol or (panel.protocol if panel else None) or DEFAULT_PROTOCOL

    def _left(self) -> dict[str, float]:
        """Return the budget of the next question: what is left of the chat's, at most the panel's own."""
        panel = self.machine.panels.get(self.setting.panel) if self.setting.panel else None
        budget = self.setting.budget
        if budget is None:
            return {}
        if (left := budget - self.spent) <= 0:
            raise InputError(f"the chat's budget of {money(budget)} is used up; `/budget USD` sets a larger one")
        return {"budget": min(left, panel.budget) if panel and panel.budget is not None else left}


def continued(folder: RunFolder) -> tuple[Setting, tuple[Turn, ...]]:
    """How a run was asked, and all that had been said when it ended. Raises InputError for one without an answer."""
    spec, result = folder.spec(), result_of(folder)
    answer = said(spec, result) if result else ""
    if not answer:
        raise InputError(f"{folder.id} has no answer to go on from; `folkmoot resume {folder.id}` may bring one")
    setting = Setting(
        seats=tuple(seat for seat in spec.seats if seat.duty == "member"),
        protocol=spec.protocol,
        options=spec.options,
        recordings=spec.recordings,
    )
    return setting, (*spec.history, Turn(role="user", text=spec.prompt), Turn(role="assistant", text=answer))


def said(spec: RunSpec, result: Result) -> str:
    """Return the panel's turn: its answer, or all answers under their labels where it chose none."""
    if result.answer is not None:
        return result.answer
    return "\n\n".join(f"{spec.labels.get(each.seat, '')}:\n{each.answer}" for each in result.outcome.answers)


def _not_there(name: str, protocol: str) -> str:
    having = [each for each in protocol_names() if name in find_protocol(each).options.model_fields]
    where = f"; {', '.join(having)} {'has' if len(having) == 1 else 'have'} it" if having else ""
    shown = name.replace("_", "-")
    return f"{protocol} has no option {shown!r}{where}"
