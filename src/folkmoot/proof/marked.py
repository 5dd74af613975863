"""The answers in a run that somebody marked, and which of them were right."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from folkmoot import events
from folkmoot.core.steps import read_step
from folkmoot.counting.evidence import MarkedAnswer
from folkmoot.execute import replay
from folkmoot.formats.answer_keys import Key, key_of, may_mean
from folkmoot.formats.conclusions import stated
from folkmoot.formats.keyed import Keyed
from folkmoot.proof.receipt.independence import scores_in
from folkmoot.record.marks import Mark, mark_of
from folkmoot.record.store import RunFolder, RunSpec
from folkmoot.types import Result

FIRST = ("answer", "ask", "propose")
"""The phases in which seats answer the question on their own."""


@dataclass(frozen=True)
class MarkedRun:
    """A marked run, counted again from its record."""

    folder: RunFolder
    spec: RunSpec
    mark: Mark
    result: Result
    answers: Mapping[str, MarkedAnswer]  # seat -> its own first answer; only those known to be right or wrong
    given: Mapping[tuple[str, str], float]  # (judge, author) -> score, or negative place, in the first round
    seconds: Mapping[str, float]  # seat -> how long its first answer took
    right: bool | None  # whether the run's answer is right; None: partly
    right_key: Key | None  # of the right answer, where that is known
    wrong_key: Key | None  # of an answer known to be wrong

    def marks(self, text: str | None) -> bool | None:
        """Whether another answer to the same question is right; None where that cannot be told without reading it."""
        return None if text is None else _is_right(_key(text, self.spec.prompt), self.right_key, self.wrong_key)

    @property
    def question(self) -> Mapping[str, tuple[MarkedAnswer, ...]]:
        """The answers by model, a further seat of a model being a further sample."""
        found: dict[str, tuple[MarkedAnswer, ...]] = {}
        for seat in self.spec.seats:
            if seat.name in self.answers:
                found[seat.model] = (*found.get(seat.model, ()), self.answers[seat.name])
        return found


@dataclass
class FirstRound:
    """A listener: what each seat said on its own in the first round, and what it gave to the answers of others."""

    authors: Mapping[str, str]  # label -> seat
    said: dict[str, events.CallFinished] = field(default_factory=dict)
    given: dict[tuple[str, str], float] = field(default_factory=dict)

    def __call__(self, event: events.Event) -> None:
        if isinstance(event, events.CallFinished):
            step = read_step(event.step)
            if step.phase in FIRST and event.key == (event.seat,) and step.round == 1:
                self.said.setdefault(event.seat, event)
            if step.round == 1 and not step.scope:
                for (judged, *_), score in scores_in(event.key, event.value):
                    self.given.setdefault((event.seat, self.authors.get(judged, judged)), score)


async def first_round(folder: RunFolder, spec: RunSpec) -> tuple[FirstRound, Result]:
    """The first round of any run, counted again from its record. Raises FolkmootError where it cannot be read."""
    firsts = FirstRound({label: seat for seat, label in spec.labels.items()})
    return firsts, await replay(spec, folder, listeners=[firsts])


async def marked_run(folder: RunFolder) -> MarkedRun | None:
    """The marked run in `folder`, or None where nobody marked it. Raises FolkmootError where it cannot be read."""
    mark = mark_of(folder)
    if mark is None:
        return None
    spec = folder.spec()
    firsts, result = await first_round(folder, spec)
    members = {seat.name for seat in spec.seats if seat.duty == "member"}
    keys = {seat: _keyed(event, spec.prompt).key for seat, event in firsts.said.items() if seat in members}
    decided = result.best_answer
    key = None if decided is None else _key(decided, spec.prompt)
    right_key = key_of(mark.answer, spec.prompt) if mark.answer else key if mark.verdict == "right" else None
    wrong_key = key if mark.verdict == "wrong" else None
    answers: dict[str, MarkedAnswer] = {}
    for seat, event in firsts.said.items():
        if seat in keys and (right := _is_right(keys[seat], right_key, wrong_key)) is not None:
            own = keys[seat]
            answers[seat] = MarkedAnswer(
                None if own is None else own.text, right, _tokens(event), event.usd or event.list_usd
            )
    right = None if mark.verdict == "partly" else mark.verdict == "right"
    seconds = {seat: event.seconds for seat, event in firsts.said.items()}
    return MarkedRun(folder, spec, mark, result, answers, firsts.given, seconds, right, right_key, wrong_key)


def _is_right(key: Key | None, right: Key | None, wrong: Key | None) -> bool | None:
    """Whether an answer with this key is right; None where nobody can say without reading it."""
    if key is None:
        return None
    if right is not None:
        return True if key == right else None if may_mean(key, right) else False
    return False if wrong is not None and key == wrong else None


def _keyed(event: events.CallFinished, question: str) -> Keyed:
    if isinstance(event.value, Keyed):
        return event.value
    text = event.value if isinstance(event.value, str) else event.text
    return Keyed(text, stated(text, question), _key(text, question))


def _key(text: str, question: str) -> Key | None:
    said = stated(text, question)
    return None if said is None else key_of(said, question)


def _tokens(event: events.CallFinished) -> int:
    return event.usage.input_tokens + event.usage.output_tokens if event.usage else 0
