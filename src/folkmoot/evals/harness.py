"""Many ways of asking over one set of questions, side by side, without paying twice for any call.

Each question, epoch and condition is one run, in a folder whose name is made of these three, of the version of the
data set, and of what exactly is asked of whom. So an evaluation that was killed, or is started once more, finds the
runs it has and goes on with them; that is the same code that resumes any other run.
"""

import asyncio
import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from folkmoot.core.limits import Limits, Purse
from folkmoot.errors import FolkmootError, InputError, ReplayMismatch
from folkmoot.evals.conditions import Condition
from folkmoot.evals.datasets import Dataset, Sample
from folkmoot.evals.folders import run_folder
from folkmoot.evals.grading import find_grader
from folkmoot.evals.model_grading import Graded, ModelGrader, judge_spec
from folkmoot.execute import checked
from folkmoot.record.files import safe_name
from folkmoot.record.store import Home, RunSpec
from folkmoot.running.planning import Asked, plan
from folkmoot.running.runs import Machine, begin_in, price_of
from folkmoot.types import Result

ANSWER_LINE = "Write your final answer on a last line of its own, like this:\n\nANSWER: ..."
"""Goes after every question, whatever the protocol, so that no condition is graded on how it words its answer."""


@dataclass(frozen=True)
class ConditionResult:
    """How one condition did on one question."""

    sample: str  # its id
    epoch: int
    condition: str
    category: str
    right: bool
    said: str | None  # what was graded
    why: str  # of the grader
    status: str  # of the run
    decided: bool  # whether the protocol's rule was met; if not, the leading answer was graded
    degraded: bool
    calls: int  # attempts
    input_tokens: int
    output_tokens: int
    usd: float | None  # at list price where the call itself cost nothing; None: unknown
    seconds: float
    run: str  # its folder's name
    answer: str = ""
    explanation: str = ""  # of the protocol: the rule that decided, applied to this run
    graded: bool = True  # False: the model that grades gave no grade, and `right` is False
    judge_calls: int = 0  # attempts of the grading; conditions that gave the same answer share them
    judge_usd: float | None = 0.0
    graded_in: str = ""  # the name of the folder of the grading

    @property
    def tokens(self) -> int:
        return self.input_tokens + self.output_tokens


@dataclass
class EvaluationProgress:
    """How far an evaluation is."""

    total: int
    done: int = 0
    known: int = 0  # of the done ones, those that were on record already
    usd: float = 0.0  # of those that were not
    now: Callable[[], float] = time.monotonic
    began: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        return self.now() - self.began

    @property
    def rate(self) -> float:
        """Runs a second, of those that were not on record."""
        return (self.done - self.known) / self.seconds if self.seconds > 0 else 0.0

    @property
    def seconds_left(self) -> float | None:
        """None while nothing is known of it."""
        return (self.total - self.done) / self.rate if self.rate else None


@dataclass(frozen=True)
class EvaluationPlan:
    """What is compared on what, checked before anything is asked."""

    dataset: Dataset
    conditions: tuple[Condition, ...]
    epochs: int = 1
    limits: Mapping[str, object] = field(default_factory=dict)  # of each run
    recordings: tuple[str, ...] = ()
    jobs: int = 4  # runs at once
    pause: float = 0.0  # seconds between two runs of one job
    retry_failed: bool = False  # ask again where a run failed
    budget: float | None = None  # USD for all that is asked from now on
    judge: str | None = None  # the model that grades all answers, instead of the samples' graders


def eval_home(machine: Machine, dataset: Dataset) -> Home:
    """Where the runs of a data set are: beside the user's own runs, which they do not crowd."""
    return Home(machine.home.path / "evals" / f"{safe_name(dataset.name)}-{dataset.version}")


async def evaluate(
    planned: EvaluationPlan,
    machine: Machine,
    on_entry: Callable[[ConditionResult, EvaluationProgress], None] = lambda _entry, _progress: None,
) -> list[ConditionResult]:
    """Every entry, in the order of the questions and then of the conditions.

    Raises InputError for what cannot be asked, before anything is.
    """
    session = _Session(planned, machine, on_entry)
    fixed = [each for each in planned.conditions if each.repeats is not None]
    by_cost = [each for each in planned.conditions if each.repeats is None]
    specs = {each.name: session.spec_of(each) for each in fixed}
    for each in by_cost:
        session.spec_of(replace(each, repeats=2))  # so that a mistake in it is found now
    entries = await session.run(specs)
    entries += await session.run({each.name: session.spec_of(_at_equal_cost(each, entries)) for each in by_cost})
    order = {each.name: place for place, each in enumerate(planned.conditions)}
    place = {sample.id: at for at, sample in enumerate(planned.dataset.samples)}
    return sorted(entries, key=lambda each: (place[each.sample], each.epoch, order[each.condition]))


def _at_equal_cost(condition: Condition, entries: Sequence[ConditionResult]) -> Condition:
    """The condition with the number of samples that costs as much as the one it is compared with."""
    alone = [each for each in entries if each.condition == f"solo:{condition.models[0]}"]
    other = [each for each in entries if each.condition == condition.cost_of]
    for spent in (lambda each: each.usd or 0.0, lambda each: each.tokens, lambda each: each.calls):
        unit = sum(map(spent, alone)) if all(map(spent, alone)) else 0.0
        if unit:  # tokens stand for the price where there is none, and calls for tokens
            repeats = round(sum(map(spent, other)) / unit) - condition.further_calls
            return replace(condition, repeats=min(64, max(condition.fewest, repeats)))
    return replace(condition, repeats=condition.fewest)


class _Session:
    """One evaluation that is running."""

    def __init__(
        self, planned: EvaluationPlan, machine: Machine, on_entry: Callable[[ConditionResult, EvaluationProgress], None]
    ) -> None:
        self.planned, self.machine, self.on_entry = planned, machine, on_entry
        self.home = eval_home(machine, planned.dataset)
        runs = len(planned.dataset.samples) * planned.epochs * len(planned.conditions)
        self.progress = EvaluationProgress(runs)
        self.account: Purse | None = None
        self.grader: ModelGrader | None = None
        if planned.judge is not None:
            recordings = (*planned.recordings, *planned.dataset.recordings)
            spec = judge_spec(planned.judge, machine, planned.limits, recordings)
            self.grader = ModelGrader(spec, self.home, machine, retry_failed=planned.retry_failed)

    def spec_of(self, condition: Condition) -> RunSpec:
        """What a condition asks, without a question. Raises InputError for what it cannot ask."""
        asked = Asked(
            "",
            protocol=condition.protocol,
            models=condition.models,
            count=condition.repeats or 1,
            options=condition.options,
            limits=self.planned.limits,
            recordings=(*self.planned.recordings, *self.planned.dataset.recordings),
        )
        try:
            spec = plan(asked, self.machine).spec
        except InputError as error:
            raise InputError(*(f"{condition.name}: {problem}" for problem in error.problems)) from None
        return spec.model_copy(update={"labels": {}, "created": ""})  # each question draws labels of its own

    async def run(self, specs: Mapping[str, RunSpec]) -> list[ConditionResult]:
        """Every question and epoch under each of these conditions, a few runs at a time."""
        if self.planned.budget is not None and self.account is None and specs:
            price = price_of(next(iter(specs.values())))
            self.account = Purse(Limits(budget=self.planned.budget), price)
        waiting = [
            (sample, epoch, name)
            for sample in self.planned.dataset.samples
            for epoch in range(1, self.planned.epochs + 1)
            for name in specs
        ][::-1]
        entries: list[ConditionResult] = []

        async def work() -> None:
            while waiting:
                sample, epoch, name = waiting.pop()
                entries.append(await self._entry(sample, epoch, name, specs[name]))
                if self.planned.pause and waiting:
                    await asyncio.sleep(self.planned.pause)

        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(min(self.planned.jobs, len(waiting))):
                    group.create_task(work())
        except ExceptionGroup as several:
            raise several.exceptions[0] from None
        return entries

    async def _entry(self, sample: Sample, epoch: int, condition: str, spec: RunSpec) -> ConditionResult:
        spec = with_question(spec, self.planned.dataset, sample, epoch)
        dataset = self.planned.dataset
        identity = [dataset.name, dataset.version, sample.id, epoch]
        folder = run_folder(self.home, identity, f"{sample.id}_{condition}_{epoch}", spec)
        known = folder.result_file.exists()
        try:
            result = await begin_in(
                folder, checked(spec), self.machine, retry_failed=self.planned.retry_failed, account=self.account
            )
        except ReplayMismatch as mismatch:
            raise FolkmootError(
                f"{mismatch}\nAn earlier version left this run unfinished; to ask it anew, delete {folder.path}"
            ) from None
        if self.account is not None and result.status == "over_budget":
            raise self._over_budget()
        graded = await self._graded(result.best_answer or "", sample)
        if self.account is not None and graded.over_budget:
            raise self._over_budget()
        entry = entry_of(result, sample, epoch, condition, folder.id, graded)
        self.progress.done += 1
        self.progress.known += known
        self.progress.usd += 0.0 if known else entry.usd or 0.0
        self.on_entry(entry, self.progress)
        return entry

    async def _graded(self, answer: str, sample: Sample) -> Graded:
        if self.grader is not None:
            return await self.grader.grade(sample, self.planned.dataset.version, answer, self.account)
        return Graded(await asyncio.to_thread(find_grader(sample.grader), answer, sample.expected))

    def _over_budget(self) -> FolkmootError:
        return FolkmootError(
            f"the budget of ${self.planned.budget:g} is spent after {self.progress.done} of {self.progress.total} "
            "runs; these are kept: the same command with a larger --budget goes on"
        )


def with_question(spec: RunSpec, dataset: Dataset, sample: Sample, epoch: int) -> RunSpec:
    """What a condition asks, with this question. All conditions share the seed of a question and epoch."""
    drawn = hashlib.sha256(f"{dataset.name}|{dataset.version}|{sample.id}|{epoch}".encode()).digest()
    return spec.model_copy(
        update={
            "prompt": f"{sample.question}\n\n{ANSWER_LINE}",
            "title": sample.question,
            "question": sample.question,
            "seed": int.from_bytes(drawn[:4]),
        }
    )


def entry_of(result: Result, sample: Sample, epoch: int, condition: str, run: str, graded: Graded) -> ConditionResult:
    """What a run came to, with its grade."""
    grade = graded.grade
    return ConditionResult(
        sample=sample.id,
        epoch=epoch,
        condition=condition,
        category=sample.category,
        right=grade.right,
        said=grade.said,
        why=grade.why,
        status=result.status,
        decided=result.outcome.met,
        degraded=result.degraded,
        calls=result.attempts,
        input_tokens=result.usage.input_tokens,
        output_tokens=result.usage.output_tokens,
        usd=None if result.cost_usd is None else result.cost_usd + (result.list_usd or 0.0),
        seconds=result.elapsed_ms / 1000,
        run=run,
        answer=result.best_answer or "",
        explanation=result.outcome.explanation,
        graded=graded.graded,
        judge_calls=graded.calls,
        judge_usd=graded.usd,
        graded_in=graded.run,
    )
