"""Killed at any moment, a run goes on where it was: the same outcome, and nothing that is known is asked again."""

import asyncio
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from folkmoot.core.journal import Journal
from folkmoot.core.limits import Limits
from folkmoot.errors import InputError, ProviderError
from folkmoot.execute import checked, execute
from folkmoot.machine.config import Config
from folkmoot.machine.seats import seats_of
from folkmoot.prompting import blocks
from folkmoot.record.store import Home, RunFolder, RunSpec
from folkmoot.running.runs import Machine, begin, fork, go_on
from folkmoot.testing import Reply, ScriptedProvider
from folkmoot.types import Request, Result
from tests.play import judges, lines, new_folder, play, replayed, spec_for, steps

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
SCORES = {"s1": 8.5, "s2": 9.0, "s3": 7.0}


def rocky(request: Request) -> Reply:
    """Two rounds with a bit of everything: a failure, a repair, an abstention."""
    about = request.about
    if about.step == "r1/propose/s3":
        return ProviderError("server", "overloaded")
    if about.step in ("r1/evaluate/s1>s2", "r2/evaluate/s3>s1", "r2/evaluate/s3>s1+repair", "r2/evaluate/s1"):
        return "no number"
    if about.format == "scores":
        labels = {label: seat for seat, label in spec_for("converge").labels.items()}
        shown = [each.attributes["label"] for each in blocks(request.messages[0].text, "answer")]
        return "\n".join(f"{label}: {SCORES[labels[label]]}" for label in shown)
    return judges(SCORES)(request)


def finished(journal: bytes) -> set[str]:
    """The steps of which a journal's whole lines hold the end."""
    found = set()
    for line in journal[: journal.rfind(b"\n") + 1].splitlines():
        if line.startswith(b'{"kind":"finished"'):
            found.add(line.partition(b'"step":"')[2].partition(b'"')[0].decode())
    return found


def resumed(folder: RunFolder, script: object = rocky) -> tuple[Result, ScriptedProvider]:
    provider = ScriptedProvider(script)  # type: ignore[arg-type]
    return play(folder.spec(), provider, folder=folder), provider


@pytest.mark.parametrize("scoring", ["pairwise", "batch"])
def test_a_run_cut_off_after_any_line_or_in_the_middle_of_one_ends_as_if_it_had_not_been(
    scoring: str, tmp_path: Path
) -> None:
    whole = RunFolder(tmp_path / "whole")
    result = play("converge", rocky, 3, folder=whole, rounds=2, scoring=scoring)
    record = whole.journal.read_bytes().splitlines(keepends=True)
    assert result.status == "converged" and len(record) > 20
    cut = RunFolder(tmp_path / "cut")
    for number in range(len(record) + 1):
        for half in (b"", (record[number][:-1][: len(record[number]) // 2] if number < len(record) else b"{")):
            shutil.rmtree(cut.path, ignore_errors=True)
            cut.path.mkdir()
            shutil.copy(whole.path / "run.json", cut.path)
            left = b"".join(record[:number]) + half
            cut.journal.write_bytes(left)
            again, provider = resumed(cut)
            assert again.outcome == result.outcome, f"cut after line {number}"
            assert finished(left).isdisjoint(steps(provider)), f"cut after line {number}"
            assert finished(left) | set(steps(provider)) == finished(whole.journal.read_bytes())
            assert replayed(cut).outcome == result.outcome


@pytest.mark.parametrize("calls", [1, 4, 10, 18])
def test_a_process_that_is_killed_leaves_a_run_that_goes_on(calls: int, tmp_path: Path) -> None:
    folder = new_folder(tmp_path)
    folder.path.mkdir()
    folder.save(spec_for("converge", 3, rounds=3))
    with subprocess.Popen(
        [sys.executable, "-m", "tests.killed", str(folder.path)], stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as child:
        assert child.stdout is not None
        said = [child.stdout.readline().strip() for _ in range(calls)]
        child.kill()
        assert child.wait() == -signal.SIGKILL
    known = finished(folder.journal.read_bytes())
    assert set(said) <= known  # whatever was heard of is in the record
    result, provider = resumed(folder, judges(9))
    assert (result.status, result.outcome.round, result.total_calls) == ("converged", 2, 18)
    assert known.isdisjoint(steps(provider)) and len(known) + len(steps(provider)) == 18


def test_a_finished_run_replays_without_providers_and_resumes_without_calls(tmp_path: Path) -> None:
    folder = new_folder(tmp_path)
    result = play("converge", rocky, 3, folder=folder)
    again, provider = resumed(folder)
    assert (again.outcome, again.failures, again.total_calls, again.attempts, again.repairs) == (
        result.outcome, result.failures, result.total_calls, result.attempts, result.repairs,
    )  # fmt: skip
    assert provider.requests == []


def test_an_unfinished_record_gives_the_best_so_far_without_a_winner(tmp_path: Path) -> None:
    folder = new_folder(tmp_path)
    play("converge", judges(9), 2, folder=folder)
    kept = [line for line in folder.journal.read_text().splitlines() if '"r2/evaluate' not in line]
    folder.journal.write_text("\n".join(kept) + "\n")
    result = replayed(folder)
    assert (result.status, result.answer, result.outcome.winner) == ("unfinished", None, None)
    assert [each.answer for each in result.outcome.answers] == ["s1 in round 1", "s2 in round 1"]


def test_a_finished_run_goes_on_with_more_rounds(tmp_path: Path) -> None:
    folder = new_folder(tmp_path)
    assert play("converge", judges(7), 2, folder=folder, rounds=2).status == "max_rounds_exceeded"
    provider = ScriptedProvider(judges(9))
    result = play(folder.spec(), provider, folder=folder, amend={"options": {"rounds": 4}})
    assert (result.status, result.outcome.round, result.total_calls) == (
        "converged",
        4,
        16,
    ) or result.outcome.round == 3
    assert {step[:2] for step in steps(provider)} <= {"r3", "r4"}
    assert replayed(folder).outcome == result.outcome


def test_what_is_forgotten_is_asked_again_and_what_rests_on_it_too(tmp_path: Path) -> None:
    folder = new_folder(tmp_path)
    first = play("converge", rocky, 3, folder=folder)
    journal = Journal(folder.journal)
    journal.forget("r1/propose/s3", "failed; asked again")
    journal.close()
    result, provider = resumed(folder, judges(SCORES))
    assert "r1/propose/s3" in steps(provider) and "r1/propose/s1" not in steps(provider)
    assert {"r1/evaluate/s1>s3", "r1/evaluate/s3>s1"} <= set(steps(provider))
    assert [each.step for each in result.failures if each.step.startswith("r1/propose")] == []
    assert (result.attempts, result.total_calls) == (first.attempts + len(provider.requests), 18)
    assert replayed(folder).outcome == result.outcome


def test_a_run_stopped_by_its_number_of_calls_goes_on_once_it_is_larger(tmp_path: Path) -> None:
    folder = new_folder(tmp_path)
    stopped = play("converge", judges(9), 3, folder=folder, limits=Limits(retries=0, max_calls=12))
    assert (stopped.status, stopped.exit_code, stopped.answer) == ("max_calls", 2, "s1 in round 1")
    assert replayed(folder).outcome == stopped.outcome
    journal = Journal(folder.journal)
    for step in list(journal.refused):
        journal.forget(step, "the limits have changed")
    journal.close()
    provider = ScriptedProvider(judges(9))
    result = play(folder.spec(), provider, folder=folder, amend={"limits": {"max_calls": 18}})
    assert (result.status, result.total_calls, len(provider.requests)) == ("converged", 18, 6)
    assert replayed(folder).outcome == result.outcome


def test_a_cancelled_run_has_its_open_calls_in_the_record_and_goes_on(tmp_path: Path) -> None:
    folder = new_folder(tmp_path)
    folder.path.mkdir()
    spec = spec_for("converge", 2)
    folder.save(spec)

    async def cancel_in_the_middle() -> None:
        reached = asyncio.Event()

        async def script(request: Request) -> Reply:
            if request.about.step == "r1/evaluate/s2>s1":
                reached.set()
                await asyncio.Event().wait()
            return judges(9)(request)

        running = asyncio.create_task(execute(checked(spec), {"scripted": ScriptedProvider(script)}, folder=folder))
        await reached.wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    asyncio.run(cancel_in_the_middle())
    assert [line["step"] for line in lines(folder, "cancelled")] == ["r1/evaluate/s2>s1"]
    result, provider = resumed(folder, judges(9))
    assert result.status == "converged" and "r1/propose/s1" not in steps(provider)


# ----- on a machine


def machine(path: Path) -> Machine:
    config = Config.model_validate({"providers": {"sim": {"delay": 0}}})
    return Machine(environ={}, config=config, home=Home(path / "home"))


def simulated(**limits: object) -> RunSpec:
    return RunSpec(
        protocol="converge",
        prompt="What is 17 * 23?",
        seats=seats_of(["sim/careful", "sim/hasty"]),
        limits=Limits.model_validate({"retries": 0} | limits),
    )


def test_a_run_is_begun_stopped_and_gone_on_with_in_its_folder(tmp_path: Path) -> None:
    here = machine(tmp_path)
    stopped = asyncio.run(begin(checked(simulated(max_calls=3)), here))
    folder = here.home.find("last")
    assert (stopped.status, stopped.run_id) == ("max_calls", folder.id)
    still = asyncio.run(go_on(folder, here))
    assert (still.status, still.attempts) == ("max_calls", 3)
    result = asyncio.run(go_on(folder, here, limits={"max_calls": None}))
    assert result.status in ("converged", "max_rounds_exceeded")
    kept = folder.result()
    assert kept is not None and kept.outcome == result.outcome


def test_a_fork_keeps_the_record_up_to_a_step_and_pays_only_for_the_rest(tmp_path: Path) -> None:
    here = machine(tmp_path)
    first = asyncio.run(begin(checked(simulated()), here))
    source = here.home.find("last")
    target = fork(source, here, step="r2/propose/s1", changes={"threshold": "1", "limits.max_calls": "50"})
    result = asyncio.run(go_on(target, here))
    assert result.run_id != first.run_id and target.spec().options["threshold"] == 1
    asked_again = {line["step"] for line in lines(target, "started")}
    assert not any(step.startswith("r1/") for step in asked_again)
    assert source.journal.read_bytes() and replayed(source).outcome == first.outcome


def test_a_fork_at_a_step_that_is_not_there_lists_those_that_are(tmp_path: Path) -> None:
    here = machine(tmp_path)
    asyncio.run(begin(checked(simulated()), here))
    with pytest.raises(InputError, match=r"no step 'r9/propose/s1'.*r1/propose/s1"):
        fork(here.home.find("last"), here, step="r9/propose/s1", changes={})
