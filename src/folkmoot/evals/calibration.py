"""What the runs on record say of a panel: how often a few that agree contradict the whole, and who is right."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from folkmoot import events, textfiles
from folkmoot.counting.calibration import Calibration, learn
from folkmoot.errors import FolkmootError, InputError
from folkmoot.execute import replay
from folkmoot.formats.answer_keys import key_of
from folkmoot.formats.keyed import Keyed
from folkmoot.record.store import Home, RunFolder

VOTING = ("ask", "vote")


@dataclass(frozen=True)
class PolledRun:
    """One run: its question, and the key of each model's own answer."""

    question: str
    keys: Mapping[str, str]  # model id -> key


async def asked_on_record(home: Home) -> list[PolledRun]:
    """Every run of `ask` and `vote` on record, oldest first; those that cannot be read are passed over."""
    found = []
    for folder in home.folders():
        try:
            asked = await _asked(folder)
        except FolkmootError:
            continue
        if asked is not None:
            found.append(asked)
    return found


async def _asked(folder: RunFolder) -> PolledRun | None:
    spec = folder.spec()
    if spec.protocol not in VOTING:
        return None
    ids = {seat.name: seat.id for seat in spec.seats}
    keys: dict[str, str] = {}

    def listen(event: events.Event) -> None:
        if isinstance(event, events.CallFinished) and isinstance(event.value, Keyed) and event.value.key is not None:
            keys.setdefault(ids[event.seat], event.value.key.text)

    await replay(spec, folder, listeners=[listen])
    return PolledRun(spec.title or spec.prompt, keys)


def calibrate(
    runs: Sequence[PolledRun], panel: Sequence[str] = (), answers: Mapping[str, Sequence[str]] = {}
) -> Calibration:
    """The table of `panel`, by default the one that was asked in full most often.

    `answers` maps questions to the answers that are right; who was right how often orders and weights the panel. Where
    none are known every vote counts once: agreeing with the others is not being right.

    >>> runs = [PolledRun("2+2", {"a": "4", "b": "4"}), PolledRun("2+3", {"a": "5", "b": "6"})]
    >>> runs.append(PolledRun("1+1", {"a": "2"}))
    >>> table = calibrate(runs, answers={"2+3": ["5"]})
    >>> table.runs, table.panel, dict(table.accuracy)
    (2, ('a', 'b'), {'a': (1, 1), 'b': (0, 1)})
    """
    if not panel:
        whole = Counter(tuple(sorted(run.keys)) for run in runs if len(run.keys) > 1)
        if not whole:
            raise InputError("no run of ask or vote on record has the answers of two models")
        panel = whole.most_common(1)[0][0]
    full = [run for run in runs if set(panel) <= set(run.keys)]
    if not full:
        raise InputError(f"no run on record has an answer of each of {', '.join(panel)}; `vote --early off` makes one")
    return learn([run.keys for run in full], panel, _accuracy(full, panel, answers))


def _accuracy(
    runs: Iterable[PolledRun], panel: Sequence[str], answers: Mapping[str, Sequence[str]]
) -> dict[str, tuple[int, int]]:
    counted = dict.fromkeys(panel, (0, 0))
    for run in runs:
        accepted = {key.text for each in answers.get(run.question, ()) if (key := key_of(each, run.question))}
        if accepted:
            counted = {m: (right + (run.keys[m] in accepted), asked + 1) for m, (right, asked) in counted.items()}
    return {model: found for model, found in counted.items() if found[1]}


def read_answers(path: Path) -> dict[str, Sequence[str]]:
    """A data set's right answers: JSON lines `{"question": ..., "accept": [...]}`; other keys are not looked at."""
    found: dict[str, Sequence[str]] = {}
    for number, entry in textfiles.json_lines(path):
        question, accepted = (entry.get("question"), entry.get("accept")) if isinstance(entry, dict) else (None, None)
        if not isinstance(question, str) or not isinstance(accepted, str | list):
            raise InputError(f'{path}, line {number}: write {{"question": ..., "accept": [...]}}')
        found[question] = [accepted] if isinstance(accepted, str) else [str(each) for each in accepted]
    return found
