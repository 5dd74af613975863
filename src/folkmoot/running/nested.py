"""Panels as seats: `panel/NAME` answers a call by a run of the panel, inside the folder of the run that asks.

Its folder is `panels/<step>-<hash of the question>`, so that after a crash the same call goes on where it was and
nothing is paid twice. It spends from the purse of the run that asks, besides its own budget.
"""

import hashlib
from collections.abc import Callable, Mapping

from folkmoot import events
from folkmoot.core.journal import Journal
from folkmoot.core.limits import Limits, PriceOf, Purse
from folkmoot.errors import ProviderError, Stopped
from folkmoot.execute import HALTED, checked, execute, replay
from folkmoot.providers.base import BaseProvider
from folkmoot.record.files import safe_name
from folkmoot.record.store import RunFolder, RunSpec, Turn
from folkmoot.types import Billing, Completion, OnText, Provider, Request, Result, Seat

HOUR = 3600.0
FIRST = ("answer", "propose")  # the phases in which a seat answers the run's own question


class PanelProvider(BaseProvider):
    """Answers for the panels of one run. `specs` says what each asks, `providers` answer for their seats."""

    billing: Billing = "nested"
    streams = False
    timeout = HOUR

    def __init__(self, specs: Mapping[str, RunSpec], providers: Mapping[str, Provider], price: PriceOf) -> None:
        self._specs, self._providers, self._price = specs, providers, price
        self._folder: RunFolder | None = None
        self._purse = Purse(Limits(), price)
        self._emit: Callable[[events.Event], None] = lambda _: None
        asked = {seat.provider for spec in specs.values() for seat in spec.seats} & set(providers)
        self.attachments = frozenset.intersection(*(providers[name].attachments for name in asked))

    def within(self, folder: RunFolder | None, purse: Purse, emit: Callable[[events.Event], None]) -> None:
        self._folder, self._purse, self._emit = folder, purse, emit

    async def complete(self, request: Request, on_text: OnText) -> Completion:
        spec = asked_of(self._specs[request.model], request)
        folder = self._folder_for(spec, request)
        before = folder.result() if folder else None
        purse = Purse(spec.limits, self._price, outer=self._purse, name=f"{request.about.step}: ")
        if folder is not None:
            await self._take_up(folder, before)
        inner = PanelProvider(self._specs, self._providers, self._price)
        step, seat = request.about.step, request.about.seat.name

        def watch(event: events.Event) -> None:
            if not isinstance(event, events.TextDelta):
                self._emit(events.Inside(step, seat, event))

        job = checked(spec, request.attachments)
        result = await execute(job, {**self._providers, "panel": inner}, folder=folder, purse=purse, listeners=[watch])
        usd, at_most, calls = _since(before, result)
        if purse.refused and not result.outcome.met:
            raise Stopped(purse.refused.reason, str(purse.refused), usd=usd, at_most_usd=at_most, calls=calls)
        text = result.best_answer or _all_answers(result, spec)
        if text is None:
            why = f"{result.status}: {result.outcome.explanation}"
            raise ProviderError("panel", why, usd=usd, at_most_usd=at_most, calls=calls)
        if not result.outcome.met:
            why = result.outcome.explanation or result.status.replace("_", " ")
            self._emit(events.Notice(f"panel/{request.model} answered {step}, but its own rule was not met: {why}"))
        on_text(text)
        return Completion(
            text=text, usage=result.usage, usd=usd, at_most_usd=at_most, list_usd=result.list_usd, calls=calls
        )

    def _folder_for(self, spec: RunSpec, request: Request) -> RunFolder | None:
        """Return the folder of this call; create it if needed."""
        if self._folder is None:
            return None
        question = hashlib.sha256(spec.model_dump_json().encode()).hexdigest()[:12]
        folder = RunFolder(self._folder.path / "panels" / f"{safe_name(request.about.step)}-{question}")
        if not (folder.path / "run.json").exists():
            folder.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.save(spec)
        return folder

    async def _take_up(self, folder: RunFolder, before: Result | None) -> None:
        """Prepare the panel's run for being asked again: forget refusals, and failures of a run that has ended."""
        retry = before is not None and before.status not in HALTED
        again = [each.step for each in (await replay(folder.spec(), folder)).failures] if retry else []
        journal = Journal(folder.journal)
        try:
            for step in [*journal.refused, *again, *(f"{each}+repair" for each in again)]:
                if step in journal.entries or step in journal.refused:
                    journal.forget(step, "the run that asks has asked again")
            if before is None:  # it was cut off: no line of the outer run holds what it paid
                self._purse.spent += journal.spent_usd
                self._purse.attempts += journal.spent_calls
        finally:
            journal.close()


def _since(before: Result | None, result: Result) -> tuple[float | None, float | None, int]:
    """USD, their upper bound and calls of this time of asking.

    What an earlier one took stands in the record of the run that asks already.
    """
    if before is None:
        return result.cost_usd, result.cost_at_most_usd, result.attempts
    usd, at_most = _minus(result.cost_usd, before.cost_usd), _minus(result.cost_at_most_usd, before.cost_at_most_usd)
    return usd, at_most, result.attempts - before.attempts


def _minus(now: float | None, before: float | None) -> float | None:
    return None if now is None else round(now - (before or 0.0), 6)


def asked_of(spec: RunSpec, request: Request) -> RunSpec:
    """Return the specification of the panel's run for a request: the same question and history."""
    *earlier, question = request.messages
    settings = {name: getattr(request, name) for name in ("temperature", "effort", "max_tokens")}
    given = {name: value for name, value in settings.items() if value is not None}

    def told(seat: Seat) -> Seat:
        system = "\n\n".join(each for each in (request.system, seat.system) if each)
        return seat.model_copy(update={**given, "system": system or None})

    return spec.model_copy(
        update={
            "prompt": question.text,
            "title": request.about.question,
            "question": request.about.question if request.about.phase in FIRST else "",
            "history": (*spec.history, *(Turn(role=each.role, text=each.text) for each in earlier)),
            "seats": tuple(told(seat) for seat in spec.seats),
            "seed": request.about.seed,
        }
    )


def _all_answers(result: Result, spec: RunSpec) -> str | None:
    """Return all answers under their labels, for a panel whose outcome has no leader, e.g. a fanout."""
    found = [f"{spec.labels.get(each.seat, each.seat)}:\n{each.answer}" for each in result.outcome.answers]
    return "\n\n".join(found) or None
