"""Money is never forgotten: every attempt that may be billed counts with its cost or an upper bound, never as 0."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from folkmoot import events
from folkmoot.core.limits import Limits, Purse
from folkmoot.errors import ProviderError
from folkmoot.execute import checked, execute
from folkmoot.render.text import report_text
from folkmoot.testing import Reply, ScriptedProvider
from folkmoot.types import Billing, Completion, OnText, Request, Result, Usage
from tests.play import lines, new_folder, play, replayed, review, spec_for
from tests.protocols.cases import EVERY, billed, quarrelling
from tests.trust import figures

CENT = 1e-5  # USD for a token that is written: 100 tokens are a tenth of a cent
REPLY = Usage(input_tokens=100, output_tokens=100)


def priced(model: str, usage: Usage) -> float | None:
    return usage.output_tokens * CENT if model else None


def paid(text: str, usage: Usage = REPLY) -> Completion:
    return Completion(text=text, usage=usage, usd=usage.output_tokens * CENT)


class Metered(ScriptedProvider):
    billing: Billing = "metered"


def ask(script: Any, **asked: Any) -> Result:
    """A converge of one seat is one call."""
    provider = script if isinstance(script, ScriptedProvider) else Metered(script)
    return play("converge", provider, 1, price=priced, **asked)


async def never(_: Request) -> Reply:
    await asyncio.Event().wait()
    raise AssertionError("nobody ends this")


FAILING: dict[str, Any] = {
    "a timeout that the provider reports": ProviderError("timeout", "no answer"),
    "a timeout of ours": never,
    "silence": ProviderError("idle", "fell silent"),
    "a broken connection": ProviderError("server", "the connection was lost"),
    "an empty answer": " ",
    "an answer that is none": ProviderError("protocol", "not JSON"),
    "a provider that breaks": lambda _: 1 / 0,
}


@pytest.mark.parametrize("how", FAILING)
def test_a_failed_attempt_of_a_paid_model_counts_with_what_was_reserved(how: str, tmp_path: Path) -> None:
    folder = new_folder(tmp_path)
    script = FAILING[how]
    if how == "an empty answer":
        script = Completion(text=" ")
    result = ask(script, folder=folder, limits=Limits(retries=0, timeout=0.05))
    (started,) = lines(folder, "started")
    assert started["at_most_usd"] > 0
    assert result.cost_usd is None
    assert result.cost_at_most_usd == pytest.approx(started["at_most_usd"])
    assert "at most $" in report_text(result, colour=False) and "nothing spent" not in report_text(result, colour=False)
    again = replayed(folder)
    assert (again.cost_usd, again.cost_at_most_usd) == (None, result.cost_at_most_usd)


@pytest.mark.parametrize("kind", ["auth", "model", "request", "missing", "rate"])
def test_an_attempt_that_was_refused_unread_costs_nothing(kind: Any) -> None:
    result = ask(ProviderError(kind, "no"), limits=Limits(retries=0))
    assert (result.cost_usd, result.cost_at_most_usd) == (0.0, 0.0)


def test_an_unpriced_seat_has_no_bound() -> None:
    result = play("converge", Metered(ProviderError("idle", "silence")), 1)
    assert (result.cost_usd, result.cost_at_most_usd) == (None, None)


def test_a_call_that_is_cancelled_after_the_decision_counts(tmp_path: Path) -> None:
    """Three of four seats agree before the last one has answered."""
    folder = new_folder(tmp_path)

    async def script(request: Request) -> Reply:
        if request.about.seat.name == "s4":
            await asyncio.Event().wait()
        return paid("ANSWER: 391")

    result = play("vote", Metered(script), 4, folder=folder, price=priced)
    assert result.outcome.met
    (cancelled,) = lines(folder, "cancelled")
    assert cancelled["at_most_usd"] > 0 and result.cost_usd is None
    assert result.cost_at_most_usd == pytest.approx(3 * 100 * CENT + cancelled["at_most_usd"])


def test_what_was_running_when_the_process_died_counts_when_the_run_goes_on(tmp_path: Path) -> None:
    folder = new_folder(tmp_path)
    whole = ask(paid("391"), folder=folder)
    begun = [line for line in folder.journal.read_bytes().splitlines(keepends=True) if b'"finished"' not in line]
    reserved = lines(folder, "started")[0]["at_most_usd"]
    folder.journal.write_bytes(b"".join(begun))
    folder.result_file.unlink()
    lost = replayed(folder)
    assert (lost.cost_usd, lost.cost_at_most_usd) == (None, reserved)
    again = ask(paid("391"), folder=folder)
    assert again.cost_at_most_usd == pytest.approx(reserved + (whole.cost_usd or 0.0))


def test_a_budget_that_suffices_is_not_refused() -> None:
    """A converge whose calls cost 0.1 cents each, under little more than it takes."""

    def script(request: Request) -> Reply:
        return paid("391" if request.about.phase == "propose" else review(6))

    whole = play("converge", Metered(script), 3, price=priced, rounds=2, stability_rounds=2)
    assert whole.total_calls == 18 and whole.cost_usd is not None
    assert whole.cost_usd == pytest.approx(18 * 100 * CENT)
    for share in (1.05, 1.5, 2.2):
        budget = Limits(budget=share * whole.cost_usd + 0.003, retries=0)
        result = play("converge", Metered(script), 3, price=priced, rounds=2, stability_rounds=2, limits=budget)
        assert (result.outcome, result.total_calls) == (whole.outcome, 18), f"{share} of what it takes"


def test_waiting_for_money_holds_no_slot_and_is_no_stall_and_no_timeout() -> None:
    """With one slot and money for one call at a time, each call is slow, and none is lost."""
    heard: list[events.Event] = []

    async def script(request: Request) -> Reply:  # noqa: ARG001
        await asyncio.sleep(0.02)
        return paid("ANSWER: 391")

    limits = Limits(budget=0.0205, retries=0, timeout=0.15, max_concurrent=2)
    result = play("vote", Metered(script), 12, price=priced, limits=limits, heard=heard, early="off")
    assert result.failures == () and result.total_calls == 12
    assert {each.why for each in heard if isinstance(each, events.CallWaits)} == {"budget"}


def test_asking_again_and_again_spends_no_more_than_the_budget_in_all(tmp_path: Path) -> None:
    folder, spent, price = new_folder(tmp_path), 0.0, priced

    def script(request: Request) -> Reply:
        nonlocal spent
        spent += (request.cap or 10**6) * CENT  # it was billed, and the answer was lost
        return ProviderError("server", "the connection was lost")

    spec = spec_for("ask", 3, limits=Limits(budget=0.1, retries=2, backoff=0.0))
    for _ in range(4):
        folder.path.mkdir(exist_ok=True)
        folder.save(spec)
        play(spec, Metered(script), folder=folder, price=price)
        with_failed_forgotten(folder)
        assert spent <= 0.1 + 1e-9
    assert replayed(folder).cost_at_most_usd == pytest.approx(spent)
    figures.note("money", f"{len(lines(folder, 'finished'))} lost calls under a budget of $0.10 cost ${spent:.3f}")


def with_failed_forgotten(folder: Any) -> None:
    """What `resume --retry-failed` does to the record before it goes on."""
    from folkmoot.core.journal import Journal

    journal = Journal(folder.journal)
    for step in [*journal.entries, *journal.refused]:
        journal.forget(step, "failed; asked again")
    journal.close()


class Flood(Metered):
    """A server that ignores every limit on the length of a reply."""

    async def complete(self, request: Request, on_text: OnText) -> Completion:
        self.requests.append(request)
        for _ in range(10**6):
            on_text("word " * 20)
            await asyncio.sleep(0)
        raise AssertionError("nobody ended this")


@pytest.mark.parametrize("limit", [{"max_tokens": 50}, {}])
def test_a_stream_that_ignores_its_cap_is_cut_and_its_overshoot_is_bounded(limit: dict[str, int]) -> None:
    provider = Flood("")
    spec = spec_for("fanout", 1, limits=Limits(budget=None if limit else 0.03, retries=0))
    spec = spec.model_copy(update={"seats": tuple(seat.model_copy(update=limit) for seat in spec.seats)})
    result = asyncio.run(execute(checked(spec), {"scripted": provider}, purse=Purse(spec.limits, priced)))
    cap = provider.requests[0].output_limit
    assert cap is not None and result.answer is None
    (candidate,) = result.outcome.answers
    assert cap * 8 < len(candidate.answer) <= cap * 8 + 100
    assert result.cost_usd is None and result.cost_at_most_usd is not None
    assert len(candidate.answer) / 4 * CENT <= result.cost_at_most_usd <= 6 * cap * CENT


@EVERY
def test_the_stream_of_events_accounts_for_every_cent(name: str) -> None:
    """Also for replies that could not be read and had to be asked for again."""
    script = billed(quarrelling)
    seen: set[str] = set()

    def once_unreadable(request: Request) -> Any:
        if request.about.seat.name == "s2" and request.about.step not in seen and len(seen) < 3:
            seen.add(request.about.step)
            return Completion(text="I would rather not say.", usage=REPLY, usd=0.01)
        return script(request)

    heard: list[events.Event] = []
    result = play(name, Metered(once_unreadable), 3, price=priced, heard=heard, prompt="Should I drive or walk?")
    charged = [each for each in heard if isinstance(each, events.Charged)]
    assert result.cost_at_most_usd is not None and result.cost_at_most_usd > 0
    unaccounted = abs(sum(each.at_most_usd or 0.0 for each in charged) - result.cost_at_most_usd)
    figures.note("dollars unaccounted for", f"{name} {unaccounted:.6f}")
    assert sum(each.at_most_usd or 0.0 for each in charged) == pytest.approx(result.cost_at_most_usd)
    if result.cost_usd is not None:
        assert sum(each.usd or 0.0 for each in charged) == pytest.approx(result.cost_usd)
