"""When a seat leaves a run, and what does not count as leaving it."""

import pytest

from folkmoot.core.attendance import Attendance
from folkmoot.errors import CallFailed, FailureKind


def failing(kind: FailureKind) -> CallFailed:
    return CallFailed("r1/propose/s1", "s1", kind, kind)


def phases(*kinds: FailureKind | None, attendance: Attendance | None = None) -> Attendance:
    """A seat through one phase for each of `kinds`; None is a reply."""
    attendance = attendance or Attendance(["s1"])
    for kind in kinds:
        failed = {} if kind is None else {"s1": failing(kind)}
        attendance.end_phase(["s1"], set() if kind else {"s1"}, failed)
    return attendance


@pytest.mark.parametrize("kinds", [("server", "server"), ("timeout", "empty"), ("auth",), ("model",), ("missing",)])
def test_a_seat_leaves_after_two_silent_phases_or_one_permanent_error(kinds: tuple[FailureKind, ...]) -> None:
    assert list(phases(*kinds).dropped) == ["s1"]
    assert list(phases(*kinds[:-1]).dropped) == []


@pytest.mark.parametrize("kinds", [("server", None, "server"), ("server", "unparseable", "server")])
def test_a_reply_in_between_starts_the_count_anew_also_one_that_cannot_be_read(
    kinds: tuple[FailureKind | None, ...],
) -> None:
    assert phases(*kinds).dropped == {}


def test_replies_that_cannot_be_read_are_abstentions_however_many_there_are() -> None:
    attendance = phases("unparseable", "unparseable", "unparseable")
    assert attendance.dropped == {} and attendance.silent["s1"] == 0


def test_a_seat_that_answered_one_of_several_calls_of_a_phase_is_there() -> None:
    attendance = Attendance(["s1"])
    for _ in range(3):
        attendance.end_phase(["s1", "s1"], {"s1"}, {"s1": failing("server")})
    assert attendance.dropped == {}


def test_a_protocol_that_keeps_all_seats_loses_none() -> None:
    assert phases("auth", "auth", attendance=Attendance(["s1"], keeps_all=True)).dropped == {}
