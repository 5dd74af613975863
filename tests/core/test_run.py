"""What a protocol gets from its run: replies in the order of the record, decisions that a replay repeats, limits."""

import asyncio
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from folkmoot import events, protocols
from folkmoot.core.batch import Batch
from folkmoot.core.calling import Call
from folkmoot.core.limits import Limits
from folkmoot.core.run import Run
from folkmoot.errors import CallFailed, ProviderError, TooFewSeats, Unparseable
from folkmoot.formats import TEXT, Format
from folkmoot.protocols import Options, protocol
from folkmoot.record.store import RunFolder
from folkmoot.testing import Reply, ScriptedProvider
from folkmoot.types import Candidate, Outcome, Request, Result
from tests.play import lines, new_folder, play, replayed, steps

Decide = Callable[[Run, Options], Awaitable[Outcome]]


class NoOptions(Options):
    pass


@pytest.fixture
def register() -> Iterator[Callable[[Decide], str]]:
    """Makes a function a protocol for one test, and returns its name."""
    added: list[str] = []

    def add(decide: Decide) -> str:
        added.append(f"of-this-test-{len(added)}")
        decide.__doc__ = "A protocol of a test"
        protocol(added[-1], NoOptions, max_calls=lambda _, seats: 2 * seats)(decide)
        return added[-1]

    yield add
    for name in added:
        del protocols._REGISTRY[name]


def read_letter(reply: str) -> str:
    if reply not in ("A", "B"):
        raise Unparseable("neither A nor B")
    return reply


LETTER = Format("letter", "Reply with A or B.", read_letter, "A")


async def first_two(run: Run, _: Options) -> Outcome:
    """Two rounds; each ends with the first two equal replies. Tells all that it could see when it decided."""
    told: list[str] = []
    async for round in run.rounds(2):
        seen: Counter[str] = Counter()
        batch: Batch[str] = run.batch()
        async with batch:
            for seat in run.seats:
                batch.add("vote", seat, Call(seat, (run.prompt,), LETTER))
            async for done in batch:
                letter = str(done.value)
                seen[letter] += 1
                told.append(f"{done.key}={letter} open {batch.open} failed {sorted(batch.failed)}")
                if seen[letter] == 2:
                    break
        leader = max(seen, key=lambda letter: seen[letter], default=None)
        run.offer(Outcome(status=f"{seen}", met=True, answer=leader, round=round, explanation="; ".join(told)))
    return run.offered


class Turns(ScriptedProvider):
    """In round 1 the seats reply one after the other in a given order; later, all at once."""

    def __init__(self, order: Sequence[str], replies: dict[str, Reply]) -> None:
        super().__init__(self._in_turn)
        self.order, self.replies = order, replies
        self.over = {seat: asyncio.Event() for seat in order}

    async def _in_turn(self, request: Request) -> Reply:
        seat = request.about.seat.name
        if request.about.round == 1 and not request.about.step.endswith("+repair"):
            if place := self.order.index(seat):
                await self.over[self.order[place - 1]].wait()
            self.over[seat].set()
        return self.replies[seat]


def asks_nobody_and_decides_the_same(folder: RunFolder, result: Result) -> None:
    assert replayed(folder).outcome == result.outcome
    before = lines(folder, "started", "cancelled", "finished")
    nobody = ScriptedProvider([])
    again = play(folder.spec(), nobody, folder=folder)
    for field in ("outcome", "dropped", "failures", "total_calls", "repairs", "attempts"):
        assert getattr(again, field) == getattr(result, field)
    assert nobody.requests == []
    assert lines(folder, "started", "cancelled", "finished") == before


NAMES = ("s1", "s2", "s3", "s4", "s5")
ANY_REPLY = st.sampled_from(
    ["A", "A", "B", "B", "neither", ProviderError("server", "overloaded"), ProviderError("auth", "no key")]
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations(NAMES), replies=st.tuples(*[ANY_REPLY] * 5))
def test_an_early_decision_is_the_same_on_every_replay_whoever_was_fast(
    register: Callable[[Decide], str], order: list[str], replies: tuple[Reply, ...]
) -> None:
    with tempfile.TemporaryDirectory() as path:
        folder = new_folder(Path(path))
        name = register(first_two)
        result = play(name, Turns(order, dict(zip(NAMES, replies, strict=True))), 5, folder=folder)
        asks_nobody_and_decides_the_same(folder, result)


def test_leaving_a_batch_gives_up_the_open_calls_and_records_that(
    register: Callable[[Decide], str], tmp_path: Path
) -> None:
    class Waits(ScriptedProvider):
        cancelled = 0

        async def _reply(self, request: Request, turn: int) -> Reply:
            try:
                if request.about.seat.name in ("s3", "s4"):
                    await asyncio.Event().wait()
            except asyncio.CancelledError:
                self.cancelled += 1
                raise
            return "A"

    provider, folder = Waits([]), new_folder(tmp_path)
    result = play(register(first_two), provider, 4, folder=folder)
    assert (result.answer, provider.cancelled, result.total_calls) == ("A", 4, 4)
    assert [line["step"] for line in lines(folder, "cancelled")] == [
        "r1/vote/s3", "r1/vote/s4", "r2/vote/s3", "r2/vote/s4",
    ]  # fmt: skip
    asks_nobody_and_decides_the_same(folder, result)


def test_what_the_record_answers_is_handed_out_before_anybody_is_asked(
    register: Callable[[Decide], str], tmp_path: Path
) -> None:
    """s1 was to repeat an unreadable reply when the others decided: on a resume it is not asked after all."""

    async def script(request: Request) -> Reply:
        if request.about.step.endswith("+repair"):
            await asyncio.Event().wait()
        return "neither" if request.about.seat.name == "s1" else "B"

    folder = new_folder(tmp_path)
    result = play(register(first_two), script, 3, folder=folder)
    assert result.answer == "B"
    asks_nobody_and_decides_the_same(folder, result)


def test_a_resume_asks_what_is_missing_once_the_record_is_used_up(
    register: Callable[[Decide], str], tmp_path: Path
) -> None:
    folder = new_folder(tmp_path)
    name = register(first_two)
    play(name, Turns(("s1", "s2", "s3"), {"s1": "A", "s2": "B", "s3": "A"}), 3, folder=folder)
    kept = [
        line for line in folder.journal.read_text().splitlines() if '"r1/vote/s3"' not in line and '"r2/' not in line
    ]
    folder.journal.write_text("\n".join(kept) + "\n")
    provider = ScriptedProvider("B")
    assert play(folder.spec(), provider, folder=folder).answer == "B"
    assert steps(provider)[0] == "r1/vote/s3" and set(steps(provider)[1:]) == {"r2/vote/s1", "r2/vote/s2", "r2/vote/s3"}


def test_failures_come_to_light_in_the_order_of_the_record(register: Callable[[Decide], str]) -> None:
    replies: dict[str, Reply] = {"s1": ProviderError("auth", "no key"), "s2": "A", "s3": "B", "s4": "B"}
    result = play(register(first_two), Turns(("s2", "s1", "s3", "s4"), replies), 4)
    assert result.outcome.explanation.split("; ")[:3] == [
        "s2=A open 3 failed []",
        "s3=B open 1 failed [('vote', 's1')]",
        "s4=B open 0 failed [('vote', 's1')]",
    ]


# ----- calls


def test_replies_stand_in_the_order_of_the_calls_not_of_their_arrival(register: Callable[[Decide], str]) -> None:
    async def ask_all(run: Run, _: Options) -> Outcome:
        replies = await run.call_all("vote", {s: Call(s, (run.prompt,), LETTER) for s in reversed(run.seats)})
        return Outcome(status=" ".join(replies), met=True)

    result = play(register(ask_all), Turns(("s2", "s3", "s1"), dict.fromkeys(("s1", "s2", "s3"), "A")), 3)
    assert result.status == "s3 s2 s1"


@pytest.mark.parametrize(("need", "status"), [(2, "2 replies"), (3, "insufficient_models")])
def test_fewer_replies_than_needed_end_the_run(register: Callable[[Decide], str], need: int, status: str) -> None:
    async def ask_all(run: Run, _: Options) -> Outcome:
        replies = await run.call_all("vote", {s: Call(s, (run.prompt,), LETTER) for s in run.seats}, need=need)
        return Outcome(status=f"{len(replies)} replies", met=True)

    result = play(register(ask_all), {"r0/vote/s1": "A", "r0/vote/s2": "B"}, 3)
    assert result.status == status
    if need == 3:
        assert (result.exit_code, result.outcome.explanation) == (3, "2 of at least 3 seats answered in round 0 (vote)")


def test_a_single_call_that_fails_ends_the_run_with_the_best_so_far(register: Callable[[Decide], str]) -> None:
    async def losing_the_chair(run: Run, _: Options) -> Outcome:
        answer = await run.call("propose", Call("s1", (run.prompt,), TEXT))
        run.offer(
            Outcome(status="good", met=True, winner="s1", answer=answer, answers=(Candidate(seat="s1", answer=answer),))
        )
        return run.offer(Outcome(status="better", met=True, answer=await run.call("chair", Call("s2", ("?",), TEXT))))

    result = play(register(losing_the_chair), {"propose": "391"}, 2)
    assert (result.status, result.answer, result.exit_code) == ("failed", "391", 1)
    assert result.outcome.explanation.startswith("r0/chair/s2: ")


def test_a_protocol_may_live_with_a_failed_call(register: Callable[[Decide], str]) -> None:
    async def tries(run: Run, _: Options) -> Outcome:
        with pytest.raises(CallFailed) as failed:
            await run.call("propose", Call("s1", (run.prompt,), TEXT))
        with pytest.raises(TooFewSeats):
            run.require(2, "propose", ["s2"])
        return Outcome(status=failed.value.kind, met=True)

    assert play(register(tries), ProviderError("auth", "no key"), 2).status == "auth"


def test_nothing_offered_is_said(register: Callable[[Decide], str]) -> None:
    async def idle(run: Run, _: Options) -> Outcome:
        return run.offered

    assert (play(register(idle), "", 2).status, play(register(idle), "", 2).exit_code) == ("nothing_offered", 2)


# ----- a protocol inside a protocol


def test_a_protocol_inside_a_protocol_has_steps_rounds_and_chance_of_its_own(
    register: Callable[[Decide], str],
) -> None:
    drawn: list[float] = []

    async def inner(run: Run) -> Outcome:
        async for round in run.rounds(1):
            answers = await run.call_all("propose", {s: Call(s, (run.prompt,), TEXT) for s in run.seats})
            drawn.append(run.rng("order").random())
            run.offer(Outcome(status="inner", met=True, answer=answers["s1"], round=round))
        return run.offered

    async def outer(run: Run, _: Options) -> Outcome:
        async for _round in run.rounds(1):
            drawn.append(run.rng("order").random())
            await inner(run.scope("converge", lambda outcome: outcome.model_copy(update={"status": "so far"})))
            await run.call("merge", Call("s1", (run.offered.status,), TEXT))
        return run.offered

    provider, heard = ScriptedProvider("391"), list[events.Event]()
    result = play(register(outer), provider, 2, heard=heard)
    assert steps(provider) == ["converge/r1/propose/s1", "converge/r1/propose/s2", "r1/merge/s1"]
    assert (result.status, result.answer) == ("so far", "391")
    assert drawn[0] != drawn[1]
    assert [(each.scope, each.round) for each in heard if isinstance(each, events.RoundStarted)] == [
        ("", 1),
        ("converge/", 1),
    ]


def test_chance_depends_on_seed_and_purpose_alone() -> None:
    assert Run.stream(1, "order").random() == Run.stream(1, "order").random()
    assert len({Run.stream(seed, purpose).random() for seed in (1, 2) for purpose in ("order", "labels")}) == 4


# ----- when the run may not spend any more


def converging(request: Request) -> str:
    return "391" if request.about.phase == "propose" else '{"score": 9}'


@pytest.mark.parametrize(
    ("calls", "answer", "leader"), [(4, "391", "s1"), (5, "391", "s1"), (3, None, None), (1, None, None)]
)
def test_a_run_that_may_call_no_more_ends_with_the_best_so_far(
    calls: int, answer: str | None, leader: str | None, tmp_path: Path
) -> None:
    provider, folder = ScriptedProvider(converging), new_folder(tmp_path)
    result = play("converge", provider, 2, folder=folder, limits=Limits(retries=0, max_calls=calls))
    assert (result.status, result.answer, result.outcome.leader, result.exit_code) == ("max_calls", answer, leader, 2)
    assert len(provider.requests) == calls
    assert lines(folder, "refused")[0]["reason"] == "max_calls"
    asks_nobody_and_decides_the_same(folder, result)


def test_the_number_of_calls_holds_over_all_processes_that_work_on_a_run(tmp_path: Path) -> None:
    folder = new_folder(tmp_path)
    play("converge", converging, 2, folder=folder, limits=Limits(retries=0, max_calls=6))
    kept = [line for line in folder.journal.read_text().splitlines() if '"r2/' not in line]
    folder.journal.write_text("\n".join(kept) + "\n")  # as if killed after the first round and its four calls
    provider = ScriptedProvider(converging)
    assert play(folder.spec(), provider, folder=folder).status == "max_calls"
    assert len(provider.requests) == 2
