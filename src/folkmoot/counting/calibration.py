"""Calibration: what runs in which the whole panel answered say about asking fewer seats.

A table holds how often each model was right, where that is known, and how often the first m seats that agreed came to
something else than the whole panel's vote. It is learnt offline from runs on record, never during one.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from pydantic import ValidationError

from folkmoot import textfiles
from folkmoot.counting import votes as voting
from folkmoot.errors import InputError
from folkmoot.types import Record

Ballots = Mapping[str, str | None]
"""model id -> answer key; None where the model gave none."""


class Calibration(Record):
    """What is known of one panel."""

    panel: tuple[str, ...]  # model ids, the best first
    runs: int  # in which the whole panel answered
    differing: Mapping[int, int]  # m -> runs in which the first m, agreeing, contradicted the whole panel
    weights: Mapping[str, float]  # model id -> how many votes its vote counts as
    accuracy: Mapping[str, tuple[int, int]] = {}  # model id -> (right, asked)

    def agree_for(self, epsilon: float, confidence: float = 0.95) -> int | None:
        """How many seats must agree so that asking no more differs from the whole panel in at most `epsilon` of runs.

        Tested from the whole panel downwards and ended at the first m whose Clopper-Pearson bound is above `epsilon`,
        so that the many tests need no correction. None: only the unbeatable lead is safe.

        >>> Calibration(panel=tuple("abcd"), runs=400, differing={3: 0, 2: 9}, weights={}).agree_for(0.01)
        3
        """
        found = None
        for count in range(len(self.panel) - 1, 1, -1):
            if voting.error_bound(self.differing.get(count, self.runs), self.runs, confidence) > epsilon:
                break
            found = count
        return found


def learn(
    runs: Iterable[Ballots], panel: Sequence[str], accuracy: Mapping[str, tuple[int, int]] | None = None
) -> Calibration:
    """The table of `panel` from `runs` in which all of it was asked.

    `accuracy` maps model ids to (right, asked) where right answers are known; the panel is then ordered by it and
    votes are weighted. Otherwise the order given is the order of value, and every vote counts once.

    >>> table = learn([{"a": "7", "b": "7", "c": "7"}, {"a": "7", "b": "7", "c": "8"}], ["a", "b", "c"])
    >>> table.panel, dict(table.differing), table.agree_for(0.9)
    (('a', 'b', 'c'), {2: 0}, 2)
    """
    known = {model: accuracy[model] for model in panel if model in accuracy} if accuracy else {}
    weights = dict.fromkeys(panel, 1.0) | voting.weights_of(known)
    order = sorted(panel, key=lambda model: -weights[model])
    measure = voting.by_weight(weights)
    differing = dict.fromkeys(range(2, len(order)), 0)
    total = 0
    for ballots in runs:
        votes = {model: key for model in order if (key := ballots.get(model)) is not None}
        if not votes:
            continue
        total += 1
        winner = voting.groups(votes, measure, order)[0].name
        heard = list(votes.values())
        for count in differing:
            first = set(heard[:count])
            differing[count] += len(heard) >= count and len(first) == 1 and winner not in first
    return Calibration(panel=tuple(order), runs=total, differing=differing, weights=weights, accuracy=known)


def write_calibration(path: Path, table: Calibration) -> None:
    path.write_text(table.model_dump_json(indent=2) + "\n", encoding="utf-8")


def read_calibration(path: Path) -> Calibration:
    """The table in a file. Raises InputError that names the file and what is wrong with it."""
    try:
        return Calibration.model_validate(textfiles.json_value(textfiles.read(path), str(path)))
    except ValidationError as error:
        first = error.errors()[0]
        place = "".join(f"{key}: " for key in first["loc"])
        raise InputError(f"{path} is not a calibration table: {place}{first['msg']}") from None
