"""Grading by a model: a seat compares each answer with the accepted ones, in a run on record of its own.

Two conditions that give the same answer to a question share one such run. An answer that the model does not grade is
*ungraded*: it counts as not right, and is counted.
"""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from folkmoot.core.limits import Purse
from folkmoot.errors import Unparseable
from folkmoot.evals.conditions import SOLO
from folkmoot.evals.datasets import Sample
from folkmoot.evals.folders import run_folder
from folkmoot.evals.grading import Grade
from folkmoot.evals.grading.by_model import GRADING, read_grade
from folkmoot.execute import checked
from folkmoot.prompting import block
from folkmoot.record.store import Home, RunSpec
from folkmoot.running.planning import Asked, plan
from folkmoot.running.runs import Machine, begin_in
from folkmoot.types import Result


@dataclass(frozen=True)
class Graded:
    """A grade, and what it cost."""

    grade: Grade
    graded: bool = True  # False: no grade could be had
    calls: int = 0
    usd: float | None = 0.0
    run: str = ""  # the name of its folder
    over_budget: bool = False


def judge_spec(judge: str, machine: Machine, limits: Mapping[str, object], recordings: Sequence[str]) -> RunSpec:
    """What a judge is asked, without a question. Raises InputError for a judge that is no model."""
    spec = plan(Asked("", protocol=SOLO, models=(judge,), limits=limits, recordings=recordings), machine).spec
    return spec.model_copy(update={"labels": {}, "created": ""})


class ModelGrader:
    """Grades answers by one seat."""

    def __init__(self, spec: RunSpec, home: Home, machine: Machine, *, retry_failed: bool = False) -> None:
        self.spec, self.home, self.machine, self.retry_failed = spec, home, machine, retry_failed
        self._busy: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)  # folder -> held while it is graded in

    async def grade(self, sample: Sample, version: str, answer: str, account: Purse | None) -> Graded:
        """The grade of `answer`, from the record where it is there. No answer is wrong without a call."""
        if not answer.strip():
            return Graded(Grade(False, None, "there is no answer"))
        spec = self.spec.model_copy(
            update={"prompt": grading_prompt(sample, answer), "title": f"Is it right? {sample.question}"}
        )
        folder = run_folder(self.home, ["grade", version, sample.id], f"{sample.id}_graded", spec)
        async with self._busy[folder.id]:
            result = await begin_in(
                folder, checked(spec), self.machine, retry_failed=self.retry_failed, account=account
            )
        right, why = _read(result)
        usd = None if result.cost_usd is None else result.cost_usd + (result.list_usd or 0.0)
        return Graded(
            Grade(right is True, answer, why), right is not None, result.attempts, usd, folder.id,
            over_budget=result.status == "over_budget",
        )  # fmt: skip


def grading_prompt(sample: Sample, answer: str) -> str:
    """The question, the accepted answers and the answer to grade, each in a block that it cannot close."""
    shown = [block("question", sample.question), block("accepted", "\n".join(sample.expected.accept))]
    return "\n\n".join([*shown, block("answer", answer), GRADING])


def _read(result: Result) -> tuple[bool | None, str]:
    """The grade and the judge's words; None: ungraded, and why."""
    reply = result.best_answer
    if reply is None:
        failed = "; ".join(each.message for each in result.failures)
        return None, f"ungraded: {failed or result.outcome.explanation or 'the model gave no grade'}"
    try:
        right = read_grade(reply)
    except Unparseable as reason:
        return None, f"ungraded: {reason}"
    return right, reply if right is not None else f"ungraded: {reply}"
