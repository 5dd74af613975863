"""Rate limits are waiting, not failing: one gate for each account, shared by all runs, threads and event loops."""

import asyncio
import threading
import time
from collections import deque
from typing import Any

import pytest

from folkmoot import events
from folkmoot.core.gates import AccountGate
from folkmoot.core.limits import Limits
from folkmoot.errors import InputError, ProviderError
from folkmoot.execute import checked, execute
from folkmoot.providers import open_provider
from folkmoot.providers.base import Settings
from folkmoot.testing import Reply as Said
from folkmoot.testing import ScriptedProvider
from folkmoot.types import Pace, Provider, Request, Result
from tests.loopback import Asked, LoopbackModels, Reply
from tests.play import play, review, spec_for
from tests.trust import figures

PER_SECOND = 10
OPTIONS: dict[str, Any] = {"rounds": 1, "stability_rounds": 1}


class TenASecond:
    """Allows ten requests in any one-second window, and answers 429 with Retry-After: 1 beyond."""

    def __init__(self, delay: float) -> None:
        self.delay = delay
        self.accepted: list[float] = []
        self.refused = 0

    def __call__(self, asked: Asked) -> Reply:
        now = time.monotonic()
        if sum(each > now - 1.0 for each in self.accepted) >= PER_SECOND:
            self.refused += 1
            return Reply("slow down", status=429, headers={"Retry-After": "1"})
        self.accepted.append(now)
        return Reply(review(9) if "score" in asked.text else "391", delay=self.delay)


def provider_at(server: LoopbackModels, key: str) -> Provider:
    table = {"base_url": f"{server.url}/v1", "api_key": key, "billing": "free"}
    return open_provider("local", Settings(environ={}, table=table))


async def converge(server: LoopbackModels, seats: int, key: str, heard: list[events.Event]) -> Result:
    spec = spec_for("converge", [f"local/m{number}" for number in range(seats)], limits=Limits(), **OPTIONS)
    provider = provider_at(server, key)
    try:
        return await execute(checked(spec), {"local": provider}, listeners=[heard.append])
    finally:
        await provider.aclose()


@pytest.mark.trust
@pytest.mark.parametrize("delay", [0.0, 0.5])
@pytest.mark.parametrize("runs", [(10,), (5, 5, 5)], ids=["one run of ten seats", "three runs of five"])
def test_a_server_of_ten_requests_a_second_loses_no_call(runs: tuple[int, ...], delay: float) -> None:
    """The time is that of the best of three tries, as a busy machine has other things to do; nothing else is."""
    fastest = float("inf")
    for attempt in range(3):
        fastest = min(fastest, limited(runs, delay, f"{runs}{delay}/{attempt}"))
        if fastest <= 1.5:
            break
    assert fastest <= 1.5, f"{fastest:.2f} of the time that would do"


def limited(runs: tuple[int, ...], delay: float, account: str) -> float:
    """One try: no call is lost and few are refused. The time it took, over the ideal one."""
    limit = TenASecond(delay)
    heard: list[events.Event] = []
    with LoopbackModels(limit) as server:
        began = time.monotonic()

        async def all_at_once() -> list[Result]:
            return await asyncio.gather(*(converge(server, seats, account, heard) for seats in runs))

        results = asyncio.run(all_at_once())
        took = time.monotonic() - began
    calls = sum(seats * seats for seats in runs)
    assert [result.failures for result in results] == [()] * len(runs)
    assert sum(result.total_calls for result in results) == sum(result.attempts for result in results) == calls
    assert len(limit.accepted) == calls
    ideal = (calls - 1) // PER_SECOND + delay
    share = limit.refused / (calls + limit.refused)
    figures.note("rate limits", f"{calls} calls, {share:.0%} refused, {took / ideal:.2f} of the ideal time")
    assert share <= 0.15, f"{limit.refused} of {calls + limit.refused} requests were refused"
    assert any(isinstance(each, events.CallWaits) and each.why == "rate" and each.position > 0 for each in heard)
    return took / ideal


@pytest.mark.trust
def test_runs_in_different_threads_and_event_loops_share_a_gate() -> None:
    limit = TenASecond(0.0)
    results: list[Result] = []
    with LoopbackModels(limit) as server:
        threads = [
            threading.Thread(target=lambda: results.append(asyncio.run(converge(server, 4, "threads", []))))
            for _ in range(2)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert [result.failures for result in results] == [(), ()] and len(limit.accepted) == 32
    assert limit.refused <= 0.2 * (32 + limit.refused)


def refusals(*errors: ProviderError, then: str = "391") -> ScriptedProvider:
    return ScriptedProvider([*errors, then])


def test_refused_attempts_use_up_neither_retries_nor_calls() -> None:
    provider = refusals(*[ProviderError("rate", "429", retry_after=0.01)] * 8)
    result = play("converge", provider, 1, limits=Limits(retries=0, max_calls=1))
    assert (result.answer, result.attempts, len(provider.requests)) == ("391", 1, 9)


def test_an_overloaded_server_that_says_when_to_come_again_is_waited_for() -> None:
    provider = refusals(*[ProviderError("server", "503", retry_after=0.01)] * 5)
    assert play("converge", provider, 1, limits=Limits(retries=0)).answer == "391"


def test_a_server_that_refuses_for_longer_than_the_timeout_is_a_failed_call() -> None:
    provider = ScriptedProvider(ProviderError("rate", "429", retry_after=0.03))
    result = play("converge", provider, 1, limits=Limits(retries=0, timeout=0.2))
    assert [each.kind for each in result.failures] == ["rate"]
    assert 3 <= len(provider.requests) <= 8


def test_a_server_that_names_no_time_and_refuses_everything_is_not_waited_for() -> None:
    provider = ScriptedProvider(ProviderError("rate", "429"))
    play("converge", provider, 1, limits=Limits(retries=2, backoff=0.001))
    assert len(provider.requests) == 3


def test_while_one_refused_call_waits_the_others_do_not_ask() -> None:
    """Four seats at once; the first request is refused, and nobody else is until the gate opens."""
    asked: list[float] = []

    def script(request: Request) -> Said:
        asked.append(time.monotonic())
        refused = request.about.seat.name == "s1" and len(asked) == 1
        return ProviderError("rate", "429", retry_after=0.2) if refused else request.about.example

    provider = ScriptedProvider(script, concurrency=1)
    result = play("fanout", provider, 4)
    assert result.failures == () and len(asked) == 5
    assert asked[1] - asked[0] >= 0.19


# ----- the gate itself


def through(gate: AccountGate, count: int) -> int:
    """How many of `count` requests may go now."""
    return sum(gate.enter(10, waited=True) is not None for _ in range(count))


def test_a_new_gate_lets_everything_through_and_half_of_it_after_a_refusal() -> None:
    gate = AccountGate()
    passages = deque(each for _ in range(8) if (each := gate.enter(1, waited=False)))
    assert len(passages) == 8
    gate.refused(passages.popleft(), 0.0, too_many=False)
    time.sleep(0.03)
    while passages:
        gate.given_up(passages.popleft())
    assert through(gate, 8) == 4


def test_refusals_of_one_burst_halve_the_width_once_and_each_answer_widens_it() -> None:
    gate = AccountGate()
    passages = [each for _ in range(8) if (each := gate.enter(1, waited=False))]
    for passage in passages[:4]:
        gate.refused(passage, 0.0, too_many=False)
    for passage in passages[4:]:
        gate.answered(passage)
    time.sleep(0.03)
    assert through(gate, 20) == 4 + 4


@pytest.mark.parametrize(
    ("pace", "fit"), [(Pace(requests_per_minute=3), 3), (Pace(tokens_per_minute=45), 4), (Pace(1, 1000), 1)]
)
def test_a_configured_pace_holds(pace: Pace, fit: int) -> None:
    assert through(AccountGate(pace), 10) == fit


def test_the_pace_stands_in_the_providers_table() -> None:
    table = {"command": "cat", "requests_per_minute": 30, "tokens_per_minute": 9000}
    provider: Any = open_provider("mine", Settings(environ={}, table=table))
    assert provider.pace == Pace(30, 9000) and provider.account
    with pytest.raises(InputError, match="requests_per_minute must be a whole number above 0, not 'many'"):
        open_provider("mine", Settings(environ={}, table={"command": "cat", "requests_per_minute": "many"}))


def test_calls_go_through_in_the_order_in_which_they_came() -> None:
    async def order() -> list[int]:
        gate, found = AccountGate(Pace()), []
        first = gate.enter(1, waited=False)
        assert first is not None
        gate.refused(first, 0.05, too_many=False)

        async def wait(number: int) -> None:
            await gate.turn(1, first=False)
            passage = gate.enter(1, waited=True)
            assert passage is not None
            found.append(number)
            await asyncio.sleep(0)
            gate.answered(passage)

        await asyncio.gather(*(wait(number) for number in range(20)))
        return found

    assert asyncio.run(order()) == list(range(20))


def test_one_who_gives_up_waiting_holds_up_nobody() -> None:
    async def play_it() -> None:
        gate = AccountGate()
        passage = gate.enter(1, waited=False)
        assert passage is not None
        gate.refused(passage, 0.05, too_many=False)
        waiting = [asyncio.create_task(gate.turn(1, first=False)) for _ in range(3)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        assert gate.waiting == 0

    asyncio.run(asyncio.wait_for(play_it(), 5))
