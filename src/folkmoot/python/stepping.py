"""converge, one round at a time, with providers and a closing rule of your own.

The shape is that of refinery's library, so that code written for it moves over name by name.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from folkmoot import events
from folkmoot.core.journal import Journal
from folkmoot.core.limits import Limits
from folkmoot.counting.closing import ClosingRule, VoteThreshold, closing_rule
from folkmoot.errors import FolkmootError, InputError
from folkmoot.execute import Job, checked, execute
from folkmoot.machine.seats import find_seat, seats_of
from folkmoot.protocols import check_options, find_protocol
from folkmoot.record.store import RunFolder, RunSpec
from folkmoot.types import Outcome, Provider, Result


@dataclass(frozen=True)
class EngineConfig:
    """The settings of a converge. They are checked when the engine is created."""

    models: Sequence[str]  # provider/model
    max_rounds: int = 5
    timeout: float | None = None  # seconds for one call
    max_concurrent: int = 0  # 0: no limit
    iteration_strategy: str = "full-visibility"
    scoring: str = "pairwise"
    seed: int = 0


@dataclass(frozen=True)
class CostEstimate:
    calls_per_round: int
    total_calls: int
    model_count: int
    max_rounds: int


@dataclass(frozen=True)
class RoundOverrides:
    """Changes for one round. They are recorded, so that a replay applies them too."""

    additional_context: str | None = None  # added to what the seats are asked
    drop_models: Sequence[str] = field(default_factory=tuple)  # model ids that sit this round out


class SessionOver(FolkmootError):
    """There is no further round: the rule was met, or the rounds have run out."""


class Engine:
    """Runs converge. `providers` maps the name before a model's slash to what answers for it."""

    def __init__(
        self,
        providers: Mapping[str, Provider],
        closing: ClosingRule | None = None,
        *,
        config: EngineConfig,
        folder: RunFolder | None = None,
    ) -> None:
        self._providers, self._folder = providers, folder
        self._config = config
        self._closing = closing or VoteThreshold()
        missing = {model.partition("/")[0] for model in config.models} - set(providers)
        if missing:
            raise InputError(f"no provider was given for {', '.join(sorted(missing))}")
        self._job("")

    @staticmethod
    def estimate(config: EngineConfig) -> CostEstimate:
        """How many calls a run makes at the most."""
        converge = find_protocol("converge")
        given = {"rounds": config.max_rounds, "scoring": config.scoring, "stability_rounds": 1}
        options = check_options(converge, given)
        seats = len(config.models)
        return CostEstimate(
            converge.calls_per_round(options, seats), converge.max_calls(options, seats), seats, config.max_rounds
        )

    async def run(self, prompt: str) -> Result:
        """The whole converge."""
        session = self.start(prompt)
        while not session.over:
            await session.next_round()
        return await session.finalize()

    def start(self, prompt: str) -> "Session":
        """A converge that waits before each round until `next_round` is called."""
        return Session(self._job(prompt), self._providers, self._folder)

    def _job(self, prompt: str) -> Job:
        rule = self._closing
        options = {
            "rounds": self._config.max_rounds,
            "iteration_strategy": self._config.iteration_strategy,
            "scoring": self._config.scoring,
            "closing": rule.name,
            "threshold": getattr(rule, "threshold", 8.0),
            "stability_rounds": getattr(rule, "stability_rounds", 1),
        }
        closing_rule(rule.name, 8.0, 1)  # a rule nobody registered could be neither resumed nor verified
        return checked(
            RunSpec(
                protocol="converge",
                options=options,
                prompt=prompt,
                seats=seats_of(list(self._config.models)),
                seed=self._config.seed,
                limits=Limits(timeout=self._config.timeout, max_concurrent=self._config.max_concurrent),
            )
        )


class Session:
    """One converge, a round at a time. End it with `finalize` or `cancel`."""

    def __init__(self, job: Job, providers: Mapping[str, Provider], folder: RunFolder | None) -> None:
        self.rounds: list[Outcome] = []  # the outcome after each round
        self._job, self._providers, self._folder = job, providers, folder
        self._journal = Journal(folder.journal if folder else None)
        self._task: asyncio.Task[Result] | None = None
        self._next = 0  # the round that waits at the gate
        self._arrived = asyncio.Event()  # at the gate, or at the end
        self._leave: asyncio.Future[bool] | None = None

    @property
    def over(self) -> bool:
        """Whether the rule was met or the rounds have run out."""
        return self._task is not None and self._task.done()

    async def next_round(self, overrides: RoundOverrides | None = None) -> Outcome:
        """Run one round and return the outcome so far. Raises SessionOver when no round is left."""
        await self._arrival()
        if self._leave is None:
            raise SessionOver("the session is over; finalize() returns its result")
        if overrides is not None:
            self._journal.append(
                "amend",
                round=self._next,
                additional_context=overrides.additional_context,
                drop_seats=[find_seat(self._job.spec.seats, model).name for model in overrides.drop_models],
            )
        self._pass(True)
        await self._arrival()
        return self.rounds[-1] if self.rounds else (await self._running()).outcome

    async def finalize(self) -> Result:
        """The result, with the rounds there were."""
        await self._arrival()
        if self._leave is not None:
            self._pass(False)
        result = await self._running()
        self._journal.close()
        return result

    async def cancel(self) -> Result:
        """End the session: return the result with the status `cancelled` and the leader so far."""
        result = await self.finalize()
        best = result.outcome
        answer = next((each.answer for each in best.answers if each.seat == best.leader), None)
        ended = {"status": "cancelled", "met": False, "winner": best.leader, "answer": answer}
        return result.model_copy(update={"outcome": best.model_copy(update=ended)})

    def _running(self) -> asyncio.Task[Result]:
        if self._task is None:
            self._task = asyncio.ensure_future(
                execute(
                    self._job, self._providers, folder=self._folder, journal=self._journal,
                    gate=self._gate, listeners=[self._heard],
                )
            )  # fmt: skip
            self._task.add_done_callback(lambda _: self._arrived.set())
        return self._task

    async def _gate(self, number: int) -> bool:
        self._next = number
        self._leave = asyncio.get_running_loop().create_future()
        self._arrived.set()
        return await self._leave

    async def _arrival(self) -> None:
        self._running()
        await self._arrived.wait()

    def _pass(self, go_on: bool) -> None:
        assert self._leave is not None
        leave, self._leave = self._leave, None
        self._arrived.clear()
        leave.set_result(go_on)

    def _heard(self, event: events.Event) -> None:
        if isinstance(event, events.Offered) and (event.outcome.scores or event.outcome.met):
            self.rounds.append(event.outcome)
