"""A reply is on disk before it is used, and every result says who was asked and what became of it."""

import asyncio
import os
from pathlib import Path

import pytest

from folkmoot import events
from folkmoot.errors import ProviderError
from folkmoot.execute import checked, execute
from folkmoot.testing import Reply, ScriptedProvider
from folkmoot.types import Request
from tests.play import ONE_ATTEMPT, new_folder, play, replayed, review, spec_for
from tests.protocols.cases import EVERY, FAILURES, Failing, quarrelling
from tests.trust import figures


def test_a_reply_and_a_failure_are_synced_before_anybody_sees_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Watches what is really synced: a record that is only written would survive us, but not the machine."""
    folder = new_folder(tmp_path)
    synced, seen, sync = 0, 0, os.fdatasync

    def fdatasync(file: int) -> None:
        nonlocal synced
        size = os.fstat(file).st_size
        sync(file)
        if os.path.samestat(os.fstat(file), folder.journal.stat()):
            synced = max(synced, size)

    monkeypatch.setattr(os, "fdatasync", fdatasync)

    def watch(event: events.Event) -> None:
        nonlocal seen
        if isinstance(event, events.CallFinished | events.CallFailed):
            record = folder.journal.read_bytes()
            begins = record.index(b'{"kind":"finished","step":"%s"' % event.step.encode())
            assert record.index(b"\n", begins) < synced, f"{event.step} was used before it was on disk"
            seen += 1

    def script(request: Request) -> Reply:
        if request.about.seat.name == "s3":
            return ProviderError("server", "overloaded")
        return "391" if request.about.phase == "propose" else review(9)

    spec = spec_for("converge", 3, limits=ONE_ATTEMPT)
    folder.path.mkdir()
    folder.save(spec)
    provider = ScriptedProvider(script)
    asyncio.run(execute(checked(spec), {"scripted": provider}, folder=folder, listeners=[watch]))
    assert seen >= 6


@EVERY
@pytest.mark.parametrize("failure", ["server", "garbage", "none"])
def test_a_census_accounts_for_every_call_and_is_the_same_in_a_replay(name: str, failure: str, tmp_path: Path) -> None:
    folder = new_folder(tmp_path)
    script = quarrelling if failure == "none" else Failing(quarrelling, FAILURES[failure], seats=[2])
    result = play(name, ScriptedProvider(script), 4, folder=folder, prompt="Should I drive or walk?")
    assert result.census
    for each in result.census:
        assert each.invited == each.answered + each.abstained + each.failed + each.late
        assert min(each.answered, each.abstained, each.failed, each.late, each.dropped) >= 0
    assert sum(each.answered + each.abstained + each.failed for each in result.census) == result.total_calls
    assert sum(each.abstained + each.failed for each in result.census) == len(result.failures)
    assert sum(each.dropped for each in result.census) == len(result.dropped)
    assert bool(result.degraded_because) == result.degraded
    again = replayed(folder)
    assert (again.census, again.degraded_because) == (result.census, result.degraded_because)
    figures.note("calls without a place in the census", f"{name} 0 of {result.total_calls}")


def test_a_degraded_result_says_why_in_one_sentence() -> None:
    def script(request: Request) -> Reply:
        return ProviderError("auth", "no key") if request.about.seat.name == "s2" else "391"

    result = play("fanout", script, 3)
    assert result.degraded_because == "round 1 answer: 1 of 3 calls failed; scripted/b left the run"
