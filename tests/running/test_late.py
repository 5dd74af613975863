"""A person's reply after the deadline: the verdict on record stays, and a fork has the other one."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from folkmoot.core.journal import Journal
from folkmoot.errors import InputError
from folkmoot.execute import checked, replay
from folkmoot.machine.config import Config
from folkmoot.machine.people import Nobody
from folkmoot.machine.seats import seats_of
from folkmoot.providers.base import People
from folkmoot.record.store import Home, RunFolder, RunSpec
from folkmoot.running.late import late_reply
from folkmoot.running.runs import Machine, begin, go_on
from folkmoot.types import Request
from tests.play import PROMPT, lines, review


class Person:
    """Answers what `reply` says; what it has nothing for, too late."""

    def __init__(self, reply: Callable[[Request], str | None] = lambda _: None) -> None:
        self.reply = reply
        self.asked: list[str] = []

    async def ask(self, name: str, request: Request) -> str:
        self.asked.append(request.about.step)
        text = self.reply(request)
        return text if text is not None else await Nobody().ask(name, request)


def machine(home: Path, people: People) -> Machine:
    """Two programs that disagree, and note that they were asked."""

    def program(answer: str) -> dict[str, list[str]]:
        return {"command": ["sh", "-c", f"cat > /dev/null; echo x >> {home}/asked; echo 'ANSWER: {answer}'"]}

    tables = {"six": program("386"), "one": program("391")}
    return Machine({"PATH": "/usr/bin:/bin"}, Config(providers=tables), Home(home), people=people)


def voted(here: Machine, seats: Sequence[str] = ("six/a", "one/b", "human/ann"), **options: object) -> RunFolder:
    """A run that ann has missed."""
    spec = RunSpec(protocol="vote", options={"early": "off", **options}, prompt=PROMPT, seats=seats_of(seats))
    result = asyncio.run(begin(checked(spec), here))
    return RunFolder(Path(str(result.folder)))


def on_record(folder: RunFolder) -> list[bytes]:
    return [(folder.path / name).read_bytes() for name in ("run.json", "journal.jsonl", "result.json")]


def calls(home: Path) -> int:
    return len((home / "asked").read_text().split())


def test_a_late_ballot_that_would_have_decided_opens_a_fork_with_the_other_winner(tmp_path: Path) -> None:
    here = machine(tmp_path, Nobody())
    original = voted(here)
    before = on_record(original)
    tied = original.result()
    assert tied is not None and (tied.answer, tied.outcome.explanation) == (
        "ANSWER: 386",
        "1 of 3 seats, tied with 1 other",
    )
    assert [(failure.step, failure.kind) for failure in tied.failures] == [("r1/answer/s3", "late")]

    forked = late_reply(original, here, "r1/answer/s3", "ANSWER: 391")
    result = asyncio.run(go_on(forked, here))
    assert (result.answer, result.outcome.explanation, result.failures) == ("ANSWER: 391", "2 of 3 seats", ())
    assert forked.spec().forked_from == original.id
    assert calls(tmp_path) == 2, "nobody else is asked again"
    assert on_record(original) == before
    assert asyncio.run(replay(forked.spec(), forked)).answer == "ANSWER: 391"
    assert asyncio.run(replay(original.spec(), original)).answer == "ANSWER: 386"


def test_the_fork_counts_the_late_reply_and_not_what_was_copied(tmp_path: Path) -> None:
    here = machine(tmp_path, Nobody())
    forked = late_reply(voted(here), here, "r1/answer/s3", "ANSWER: 391")
    result = asyncio.run(go_on(forked, here))
    assert [seat.calls for seat in result.seats] == [0, 0, 1]
    assert (result.attempts, result.cost_usd) == (1, 0.0)


def test_what_came_after_the_step_is_kept_where_it_still_fits_and_set_aside_where_not(tmp_path: Path) -> None:
    """In round two everybody reads the round before: with the late proposal those prompts have changed."""
    person = Person(lambda request: None if request.about.step == "r1/propose/s3" else request.about.example)
    scripted = machine(tmp_path, person)
    programs = {
        name: {
            "command": [
                "sh",
                "-c",
                f"echo x >> {tmp_path}/asked; grep -q 'strengths' && echo '{REVIEW}' || echo {name}",
            ]
        }
        for name in ("six", "one")
    }
    here = replace(scripted, config=Config(providers=programs))
    spec = RunSpec(
        protocol="converge", options={"rounds": 2, "threshold": 9.9}, prompt=PROMPT,
        seats=seats_of(["six/a", "one/b", "human/ann"]),
    )  # fmt: skip
    original = RunFolder(Path(str(asyncio.run(begin(checked(spec), here)).folder)))
    made = calls(tmp_path)
    person.asked.clear()

    forked = late_reply(original, here, "r1/propose/s3", "Ann says 391.")
    result = asyncio.run(go_on(forked, here))
    assert result.failures == ()
    again = {line["step"] for line in lines(forked, "forget")}
    assert "r1/propose/s1" not in again and "r1/evaluate/s1>s2" not in again
    assert "r2/propose/s1" in again
    asked_now = [line["step"] for line in lines(forked, "started")]
    assert {"r1/evaluate/s1>s3", "r1/evaluate/s2>s3", "r2/propose/s1"} <= set(asked_now)
    assert not {"r1/propose/s1", "r1/propose/s2", "r1/evaluate/s1>s2", "r1/evaluate/s2>s1"} & set(asked_now)
    assert calls(tmp_path) - made == len([step for step in asked_now if not step.split("/")[-1].startswith("s3")])


REVIEW = review(8, strengths=[], weaknesses=[], suggestions=[])


def test_a_reply_that_was_late_for_the_repair_may_be_named_by_the_step_itself(tmp_path: Path) -> None:
    person = Person(
        lambda request: {"r1/evaluate/s2>s1": "rather good", "r1/propose/s2": "391"}.get(request.about.step)
    )
    here = machine(tmp_path, person)
    spec = RunSpec(
        protocol="converge",
        options={"rounds": 1, "stability_rounds": 1},
        prompt=PROMPT,
        seats=seats_of(["sim/careful?delay=0", "human/ann"]),
    )
    original = RunFolder(Path(str(asyncio.run(begin(checked(spec), here)).folder)))
    forked = late_reply(original, here, "r1/evaluate/s2>s1", REVIEW)
    result = asyncio.run(go_on(forked, here))
    assert result.failures == () and result.repairs == 1


def test_options_that_a_resume_changed_hold_in_the_fork(tmp_path: Path) -> None:
    here = machine(tmp_path, Nobody())
    original = voted(here)
    asyncio.run(go_on(original, here, options={"ties": "weight"}))
    forked = late_reply(original, here, "r1/answer/s3", "ANSWER: 391")
    amended = Journal(forked.journal, read_only=True).amendments
    assert [each["options"] for each in amended if "options" in each] == [{"ties": "weight"}]


@pytest.mark.parametrize(
    "step, problem",
    [
        ("r1/answer/s1", "misses no person's reply at 'r1/answer/s1'; it misses r1/answer/s3"),
        ("r9/answer/s3", "it misses r1/answer/s3"),
        ("", "it misses r1/answer/s3"),
    ],
)
def test_only_what_a_person_missed_can_be_answered_late(tmp_path: Path, step: str, problem: str) -> None:
    here = machine(tmp_path, Nobody())
    original = voted(here)
    with pytest.raises(InputError, match=problem):
        late_reply(original, here, step, "ANSWER: 391")
    assert here.home.folders() == [original]


def test_who_has_answered_cannot_answer_again(tmp_path: Path) -> None:
    here = machine(tmp_path, Person(lambda _: "ANSWER: 391"))
    with pytest.raises(InputError, match="every question put to a person has a reply"):
        late_reply(voted(here), here, "r1/answer/s3", "ANSWER: 386")


def test_a_late_reply_needs_a_text(tmp_path: Path) -> None:
    here = machine(tmp_path, Nobody())
    with pytest.raises(InputError, match="needs a text"):
        late_reply(voted(here), here, "r1/answer/s3", " ")


def test_a_run_that_still_goes_on_is_not_forked(tmp_path: Path) -> None:
    here = machine(tmp_path, Nobody())
    original = voted(here)
    working = Journal(original.journal)
    try:
        with pytest.raises(InputError, match="still going on"):
            late_reply(original, here, "r1/answer/s3", "ANSWER: 391")
    finally:
        working.close()
