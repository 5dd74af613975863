"""Blind comparison of two conditions: a judge reads both answers to each question, twice, in both orders.

The judge sees neither which condition wrote an answer nor what is accepted as right. An answer wins a question when the
judge prefers it in both orders; when the preference turns with the order, the question is a tie, and is counted as a
flip too. The judge's calls are runs on record, so that a comparison that is started once more pays for none again.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from folkmoot.evals.conditions import Condition
from folkmoot.evals.folders import run_folder
from folkmoot.evals.harness import ANSWER_LINE, ConditionResult, EvaluationPlan
from folkmoot.evals.model_grading import judge_spec
from folkmoot.evals.statistics import Estimated, clustered_mean
from folkmoot.execute import checked
from folkmoot.formats.answer_keys import key_of
from folkmoot.formats.keyed import stated
from folkmoot.prompting import DATA, block
from folkmoot.record.store import RunSpec
from folkmoot.running.runs import Machine, begin_in

JUDGING = f"""\
Two answers to the same question stand above. Which of them is better for the person who asked? A right answer is \
better than a wrong one, however it is written; between two that are equally right, the clearer one is better. {DATA}

Say why in a sentence or two. {ANSWER_LINE.rstrip(".")} 1, 2 or tie"""


@dataclass(frozen=True)
class BlindVerdict:
    """What the judge made of one question: 1 where A won, 0 where B won, 0.5 for a tie."""

    sample: str
    epoch: int
    score: float
    flipped: bool  # the preference turned with the order
    unread: bool  # at least one of the judge's two replies names no preference; then the question is a tie


@dataclass(frozen=True)
class Comparison:
    """How A did against B in the eyes of one judge."""

    a: str
    b: str
    verdicts: tuple[BlindVerdict, ...]

    @property
    def win_rate(self) -> Estimated:
        """The mean score of A, resampled by question."""
        return clustered_mean([each.score for each in self.verdicts], [each.sample for each in self.verdicts])

    def text(self) -> str:
        found = self.win_rate
        won, lost = (sum(each.score == score for each in self.verdicts) for score in (1, 0))
        said = "cannot be told apart"
        if 0.5 not in found.interval:
            said = f"{self.a if found.value > 0.5 else self.b} is preferred"
        return (
            f"{self.a} against {self.b}: {found.value:.1%} "
            f"[{found.interval.low:.1%}, {found.interval.high:.1%}]; {said}\n"
            f"{won} won, {lost} lost, {len(self.verdicts) - won - lost} tied; the order turned "
            f"{sum(each.flipped for each in self.verdicts)} of {len(self.verdicts)}, "
            f"{sum(each.unread for each in self.verdicts)} without a readable verdict"
        )


async def compare(
    planned: EvaluationPlan,
    machine: Machine,
    entries: Sequence[ConditionResult],
    a: Condition,
    b: Condition,
    judge: str,
) -> Comparison:
    """Let `judge` compare what two conditions answered in `entries`. Raises InputError for a judge that is no model."""
    recordings = (*planned.recordings, *planned.dataset.recordings)
    spec = judge_spec(judge, machine, planned.limits, recordings)
    answers = {(each.condition, each.sample, each.epoch): each.answer for each in entries}
    questions = {each.id: each.question for each in planned.dataset.samples}
    verdicts = []
    for sample, epoch in dict.fromkeys((each.sample, each.epoch) for each in entries):
        both = answers[a.name, sample, epoch], answers[b.name, sample, epoch]
        question = questions[sample]
        first = await _preferred(planned, machine, spec, (sample, epoch), question, both)
        second = await _preferred(planned, machine, spec, (sample, epoch), question, both[::-1])
        verdicts.append(_verdict(sample, epoch, first, second))
    return Comparison(a.name, b.name, tuple(verdicts))


def _verdict(sample: str, epoch: int, first: str | None, second: str | None) -> BlindVerdict:
    """From the judge's two preferences; in the second one, A stood behind B."""
    if first is None or second is None:
        return BlindVerdict(sample, epoch, 0.5, flipped=False, unread=True)
    scores = {"1": 1.0, "2": 0.0, "tie": 0.5}
    one, other = scores[first], 1 - scores[second]
    return BlindVerdict(sample, epoch, one if one == other else 0.5, flipped=one != other, unread=False)


async def _preferred(
    planned: EvaluationPlan,
    machine: Machine,
    spec: RunSpec,
    place: tuple[str, int],
    question: str,
    answers: tuple[str, str],
) -> str | None:
    """1, 2 or tie; None where the judge's reply says none of these."""
    shown = [block("answer", text, label=f"Answer {number}") for number, text in enumerate(answers, 1)]
    prompt = "\n\n".join([block("question", question), *shown, JUDGING])
    spec = spec.model_copy(update={"prompt": prompt, "title": f"Which is better? {question}"})
    folder = run_folder(
        machine.home, ["compare", planned.dataset.version, *place], f"compare_{place[0]}_{place[1]}", spec
    )
    result = await begin_in(folder, checked(spec), machine, retry_failed=planned.retry_failed)
    said = stated(result.best_answer or "")
    key = key_of(said) if said is not None else None
    return key.text if key is not None and key.text in ("1", "2", "tie") else None
