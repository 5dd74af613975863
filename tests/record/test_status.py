"""What a run is doing, read from its folder by somebody else, at any moment of its life."""

import asyncio
import json
import os
import re
from pathlib import Path

import pytest

from folkmoot.core.journal import Journal, read_lines
from folkmoot.errors import InputError, ProviderError
from folkmoot.execute import checked, execute
from folkmoot.machine.seats import seats_of
from folkmoot.record.call_log import read_account
from folkmoot.record.status import RunStatus, run_status, status_text
from folkmoot.record.store import Home, RunFolder, RunSpec
from folkmoot.testing import Reply, ScriptedProvider
from folkmoot.types import JSON, Completion, Request


def prepare(home: Path, **options: object) -> tuple[RunSpec, RunFolder]:
    seats = seats_of(["x/a", "x/b", "x/c"])
    spec = checked(RunSpec(protocol="converge", prompt="Walk or drive?", options=dict(options), seats=seats)).spec
    folder = Home(home).create(spec.prompt)
    folder.save(spec)
    return spec, folder


def reply(asked: Request) -> Reply:
    return Completion(text=asked.about.example, usd=0.01)


def play(home: Path, script: object = reply, **options: object) -> RunFolder:
    spec, folder = prepare(home, **options)
    asyncio.run(execute(checked(spec), {"x": ScriptedProvider(script)}, folder=folder))  # type: ignore[arg-type]
    return folder


def standing(status: RunStatus) -> list[tuple[str, str, int, int]]:
    return [(seat.model_id, seat.state, seat.answered, len(seat.waiting)) for seat in status.seats]


def test_a_running_run_says_who_has_answered_and_who_is_waited_for(tmp_path: Path) -> None:
    spec, folder = prepare(tmp_path)
    seen: list[RunStatus] = []

    peers_judge = asyncio.Event()  # each other, while s2 is still silent

    async def script(asked: Request) -> Reply:
        match asked.about.step:
            case "r1/evaluate/s3>s1":
                return ProviderError("server", "overloaded")
            case "r2/propose/s2":
                await peers_judge.wait()
                seen.append(run_status(folder))
            case "r2/evaluate/s3>s1":
                peers_judge.set()
                await asyncio.sleep(0)
        return reply(asked)

    limits = spec.limits.model_copy(update={"retries": 0})
    spec = spec.model_copy(update={"limits": limits})
    asyncio.run(execute(checked(spec), {"x": ScriptedProvider(script)}, folder=folder))
    (status,) = seen
    assert (status.state, status.alive, status.met) == ("running", True, None)
    assert (status.round, status.phase) == (2, "evaluate")
    assert status.seats[1].state == "waiting" and status.seats[1].waiting == ("r2/propose/s2",)
    assert (status.seats[1].waiting_seconds or 0.0) < 60
    assert (status.failed, status.lost) == (1, 0) and status.in_flight >= 1
    assert "… x/b  waited for since " in status_text(status)
    assert "A process is working on it." in status_text(status)


def test_a_finished_run_has_the_status_of_its_result(tmp_path: Path) -> None:
    status = run_status(play(tmp_path))
    assert (status.state, status.alive, status.met, status.round) == ("converged", False, True, 2)
    assert (status.finished, status.failed, status.in_flight, status.cost_usd) == (18, 0, 0, 0.18)
    assert standing(status) == [(f"x/{name}", "answered", 3, 0) for name in "abc"]
    assert status_text(status) == (
        f"{status.run_id}: converge, converged\n  Walk or drive?\n"
        + "".join(f"  ✓ x/{name}  answered 3 calls in this round\n" for name in "abc")
        + f"18 calls finished, 0 failed, 0 in flight; last line {status.last_line_seconds:.0f} s ago; $0.1800 so far\n"
        + f"Read it with: folkmoot show {status.run_id}\n"
    )


def test_a_run_without_agreement_tells_how_to_go_on(tmp_path: Path) -> None:
    status = run_status(play(tmp_path, threshold=10, rounds=2))
    assert (status.state, status.met) == ("max_rounds_exceeded", False)
    assert status_text(status).endswith(f"folkmoot resume {status.run_id}\n")


def test_a_dropped_seat_is_told(tmp_path: Path) -> None:
    def script(asked: Request) -> Reply:
        return ProviderError("auth", "no \x1b[31mkey") if asked.about.seat.name == "s2" else reply(asked)

    status = run_status(play(tmp_path, script))
    assert [seat.state for seat in status.seats] == ["answered", "dropped", "answered"]
    assert "left the run" in status_text(status)


def cut(folder: RunFolder, lines: int) -> None:
    """What a kill leaves: the first lines, no result, half a line."""
    kept = folder.journal.read_bytes().split(b"\n")
    folder.journal.write_bytes(b"\n".join(kept[:lines]) + b"\n" + kept[lines][:20])
    folder.result_file.unlink(missing_ok=True)


def test_the_status_of_a_killed_run_is_told_at_every_line(tmp_path: Path) -> None:
    folder = play(tmp_path)
    whole = folder.journal.read_bytes()
    for lines in range(1, whole.count(b"\n")):
        folder.journal.write_bytes(whole)
        cut(folder, lines)
        status = run_status(folder)
        kept = [line["kind"] for line in read_lines(folder.journal)]
        assert (status.state, status.alive, status.in_flight) == ("unfinished", False, 0)
        assert status.finished == kept.count("finished")
        assert status.lost == kept.count("started") - kept.count("finished")
        assert status_text(status).endswith(f"Its process is gone. Go on with: folkmoot resume {folder.id}\n")


def test_a_call_whose_process_is_gone_is_lost_not_waited_for(tmp_path: Path) -> None:
    folder = play(tmp_path)
    cut(folder, 3)  # the header and two calls begun
    status = run_status(folder)
    assert [seat.state for seat in status.seats] == ["lost", "lost", "not asked"]
    assert (status.in_flight, status.lost) == (0, 2)
    assert "was being asked when the process ended" in status_text(status)
    journal = Journal(folder.journal)
    journal.append("amend", version="0")
    status = run_status(folder)
    assert (status.state, status.in_flight, status.lost) == ("running", 0, 2)
    journal.append("started", step="r1/propose/s1", seat="s1", digest="d", request={})
    status = run_status(folder, now=list(read_lines(folder.journal))[-1]["at"] + 30)
    assert (status.in_flight, status.seats[0].waiting_seconds, status.last_line_seconds) == (1, 30.0, 30.0)
    journal.close()
    assert run_status(folder).state == "unfinished"


def test_a_run_that_went_on_after_its_result_and_was_killed_is_unfinished(tmp_path: Path) -> None:
    folder = play(tmp_path, threshold=10, rounds=2)
    os.utime(folder.result_file, (1.0, 1.0))  # written long before the next line
    journal = Journal(folder.journal)
    journal.append("amend", version="0", options={"rounds": 3})
    assert run_status(folder).state == "running"
    journal.close()
    status = run_status(folder)
    assert (status.state, status.met) == ("unfinished", None)


def test_a_half_written_run_has_a_status(tmp_path: Path) -> None:
    folder = Home(tmp_path).create("x")
    empty = run_status(folder)
    assert (empty.state, empty.alive) == ("unfinished", False) and "no run.json" in status_text(empty)
    spec, folder = prepare(tmp_path)
    fresh = run_status(folder)
    assert (fresh.state, fresh.round, fresh.last_line_seconds) == ("unfinished", 0, None)
    assert [seat.state for seat in fresh.seats] == ["not asked"] * len(spec.seats)
    assert "0 calls finished, 0 failed, 0 in flight; $0.0000 so far" in status_text(fresh)
    (folder.path / "run.json").write_text("{")
    assert run_status(folder).problem
    with pytest.raises(InputError):
        run_status(RunFolder(tmp_path / "nowhere"))


@pytest.mark.parametrize(
    "line", ["{}", "[]", "no json", '{"kind": "finished"}', '{"kind": "finished", "step": "r1/a/s1", "at": 1}']
)
def test_a_corrupt_journal_is_told_and_not_raised(tmp_path: Path, line: str) -> None:
    folder = play(tmp_path)
    with folder.journal.open("a") as file:
        file.write(line + "\n")
    status = run_status(folder)
    assert status.state == "corrupt" and status.problem
    assert "Nothing was changed." in status_text(status)


def test_an_account_counts_failed_attempts_and_forgotten_calls_as_cost_but_not_copied_ones() -> None:
    def line(kind: str, step: str = "r1/propose/s1", **fields: object) -> JSON:
        return {"kind": kind, "step": step, "seat": "s1", "at": 1.0, **fields}

    done: JSON = {"attempts": 2, "seconds": 1.5, "completion": {"text": "x", "usd": 0.5, "usage": {"input_tokens": 7}}}
    account = read_account(
        [
            {"kind": "header", "at": 0.0},
            line("started"),
            line("attempt", error={"kind": "rate", "message": "slow"}, usd=0.25),
            line("finished", **done),
            line("forget"),
            line("finished", "r1/propose/s2", **done, copied=True),
            line("started", "r2/propose/s1"),
            line("refused", "r2/propose/s1", reason="over_budget", message="no money"),
            line("cancelled", "r2/propose/s2>s1"),
            {"kind": "amend", "at": 100.0},
            line("started"),
        ]
    )
    told = [(call.step, call.seat, call.kind, call.usd) for call in account.calls]
    assert told == [
        ("r1/propose/s1", "s1", "forgotten", 0.75), ("r1/propose/s2", "s1", "finished", 0.0),
        ("r2/propose/s1", "s1", "refused", 0.0), ("r2/propose/s2>s1", "s1", "cancelled", 0.0),
        ("r1/propose/s1", "s1", "started", 0.0),
    ]  # fmt: skip
    assert account.usd == 0.75 and account.calls[0].usage and account.calls[0].usage.input_tokens == 7


def test_a_call_without_a_price_makes_the_cost_unknown(tmp_path: Path) -> None:
    folder = play(tmp_path, lambda asked: Completion(text=asked.about.example))
    status = run_status(folder)
    assert status.cost_usd is None and "with calls of unknown price" in status_text(status)


def test_nothing_a_model_or_a_user_wrote_drives_the_terminal(tmp_path: Path) -> None:
    folder = play(tmp_path)
    asked = json.loads((folder.path / "run.json").read_bytes()) | {"title": "a\x1b]0;b\x07\r\x9b2J"}
    (folder.path / "run.json").write_text(json.dumps(asked))
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", status_text(run_status(folder)))
