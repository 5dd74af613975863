"""How well replies are read: the table of what reading must reach, on small cases and on answers that models gave.

    python -m benchmarks.reading [--data FOLDER] [--cases FOLDER] [--only PART,...] [--list N]

The parts: `cases` runs small programs that ask one thing each. `hostile` puts honest judgements that quote a hostile
one before every reader. `pairs` compares every two recorded answers to one question: by the recorded keys of their data
set they are equal or different, and by ours. `ask` says what `ask` costs with votes alone. `trials` lists the first
answers of recorded council runs that get no key, and `rankings` reads the orders of their judges. A recorded key may be
wrong: `pairs` therefore lists every pair that we find equal against it, and says where both answers are one value to
Python as well.

The recordings are not part of this repository; `--data` names their folder.
"""

import argparse
import ast
import asyncio
import gzip
import itertools
import json
import os
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmarks import recorded
from benchmarks.reading_rankings import rankings
from folkmoot.errors import Unparseable
from folkmoot.formats.keyed import Keyed, read_keyed
from folkmoot.providers.base import Settings
from folkmoot.providers.recorded import open_provider
from tests.formats.quoting import JUDGING
from tests.formats.quoting import cases as quoting

ROOT = Path(__file__).parents[1]
RECORDINGS = ("replay-gsm", "replay-math-l5", "replay-crux-a")
WAYS = {name: recorded.WAYS[name] for name in (recorded.FULL_VOTE, "ask")}


def entries(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for line in file:
            entry = json.loads(line)
            if "question" in entry:
                yield entry


def cases(folder: Path) -> None:
    environment = {**os.environ, "FOLKMOOT_BIN": str(Path(sys.executable).parent)}
    failed = []
    programs = sorted(folder.glob("[0-9]*/case.py"))
    for program in programs:
        try:
            done = subprocess.run([sys.executable, program], env=environment, capture_output=True, timeout=180)
            passed = done.returncode == 0
        except subprocess.TimeoutExpired:
            passed = False
        if not passed:
            failed.append(program.parent.name)
    print(
        f"cases: {len(programs) - len(failed)} of {len(programs)} pass{': not ' if failed else ''}{', '.join(failed)}"
    )


def hostile() -> None:
    """Honest judgements that quote a hostile one, from the generator of the tests, before every format."""
    counted: Counter[str] = Counter()
    for judging in JUDGING.values():
        own, planted = (
            judging.told(judging.format.parse(json.dumps(each))) for each in (judging.honest, judging.hostile)
        )
        for _, reply in quoting(judging):
            try:
                read = judging.told(judging.format.parse(reply))
            except Unparseable:
                counted["refused"] += 1
            else:
                counted["right" if read == own else "as the hostile one" if read == planted else "as another one"] += 1
    total = sum(counted.values())
    told = ", ".join(f"{name} {count} ({count / total:.1%})" for name, count in counted.most_common())
    print(f"hostile: {total} judgements, {len(JUDGING)} formats: {told}")


def pairs(path: Path, shown: int) -> None:
    """Every two answers to one question for which a key is recorded."""
    equal = found = different = merged = 0
    apart: Counter[tuple[str, ...]] = Counter()
    together: Counter[tuple[str, ...]] = Counter()
    for entry in entries(path):
        read = [
            (entry["keys"][model], read_keyed(text, entry["question"]))
            for model, text in entry["answers"].items()
            if entry["keys"].get(model) is not None and text.strip()
        ]
        for (key, one), (other_key, other) in itertools.combinations(read, 2):
            same = one.group is not None and one.group == other.group
            told = (str(entry["id"]), *sorted((repr(one.said), repr(other.said))))
            if key == other_key:
                equal, found = equal + 1, found + same
                apart[told] += not same
            else:
                different, merged = different + 1, merged + same
                if same:
                    together[(*told, repr(key), repr(other_key), _why(one, other))] += 1
    print(f"{path.name}: equal pairs found equal {found} of {equal} = {found / equal:.4f}")
    print(f"{path.name}: different pairs found equal {merged} of {different} = {merged / different:.5f}")
    for told, count in together.most_common():
        print(f"  {count:3} {' | '.join(each[:90] for each in told)}")
    for told, count in (+apart).most_common(shown):
        print(f"  apart {count:3} {' | '.join(each[:90] for each in told)}")


def _why(one: Keyed, other: Keyed) -> str:
    """Why two answers that recorded keys tell apart are taken for one."""
    if one.said == other.said:
        return "the recorded keys are wrong: both say this"
    values = [_value(each.said or "") for each in (one, other)]
    if values[0] == values[1]:
        return "the recorded keys are wrong: one value to Python"
    return "one key"


def _value(said: str) -> object:
    try:
        return ast.literal_eval(said.strip())
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return said.strip()


def ask(path: Path) -> None:
    """Order and weights are learnt on one half of the questions and used on the other, both ways round."""
    models, questions = recorded.load(path, [], None)
    provider = open_provider("recorded", Settings(environ={}, recordings=(path,)))
    rows = {name: recorded.Row() for name in (*models, "best seat, as learnt", *WAYS)}
    random.Random(0).shuffle(questions)
    halves = questions[::2], questions[1::2]
    for seen, unseen in (halves, halves[::-1]):
        asyncio.run(recorded.measure(unseen, recorded.learnt(models, seen), provider, rows, WAYS))
    for name in WAYS:
        row = rows[name]
        count, right = len(row.right), sum(row.right)
        print(
            f"{path.name}: {name}: right {right / count:.2%}, calls per right answer {sum(row.calls) / right:.2f}, "
            f"no decision {sum(row.open) / count:.1%}"
        )


def trials(path: Path) -> None:
    """First answers of council runs. No `ANSWER:` was asked for, so some state their conclusion in a sentence only."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        found: list[dict[str, Any]] = json.load(file)
    said: dict[str, Keyed] = {}
    for trial in found:
        for model, text in trial["stage1_responses"].items():
            if text.strip():
                said.setdefault(f"{trial['question_id']} {model}\n{text}", read_keyed(text))
    keyless = [name for name, answer in said.items() if answer.key is None or answer.key.kind == "text"]
    print(f"{path.name}: {len(said) - len(keyless)} of {len(said)} first answers get the key of a value or a choice")
    for name in keyless:
        key, (title, _, text) = said[name].key, name.partition("\n")
        print(f"  {title}: {key.text if key else 'no key'} | ...{text[-160:]!r}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data", help="folder of the recordings")
    parser.add_argument("--cases", type=Path, default=ROOT.parent / "shared" / "cases", help="folder of the cases")
    parser.add_argument("--only", default="cases,hostile,pairs,ask,trials,rankings", help="parts of the table")
    parser.add_argument("--list", type=int, default=0, help="so many kinds of equal pairs that are found apart")
    given = parser.parse_args()
    files = [given.data / f"{name}.jsonl.gz" for name in RECORDINGS]

    def each(part: Callable[[Path], None]) -> None:
        for path in files:
            part(path)

    parts: Mapping[str, Callable[[], None]] = {
        "cases": lambda: cases(given.cases),
        "hostile": hostile,
        "pairs": lambda: each(lambda path: pairs(path, given.list)),
        "ask": lambda: each(ask),
        "trials": lambda: trials(given.data / "council-trials.json.gz"),
        "rankings": lambda: rankings(given.data / "council-trials.json.gz"),
    }
    for name in given.only.split(","):
        parts[name.strip()]()


if __name__ == "__main__":
    main()
