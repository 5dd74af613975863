"""fanout: every seat answers on its own, and all answers are the result. Nobody judges.

After tundish, https://github.com/Lightless-Labs/refinery.
"""

from collections.abc import Mapping

from folkmoot.core.batch import Batch
from folkmoot.core.calling import Call
from folkmoot.core.run import Run
from folkmoot.counting import sheets
from folkmoot.formats.text import TEXT
from folkmoot.protocols import Options, protocol
from folkmoot.types import Candidate, Outcome


class FanoutOptions(Options):
    pass


@protocol("fanout", FanoutOptions, max_calls=lambda _, seats: seats)
async def fanout(run: Run, options: FanoutOptions) -> Outcome:  # noqa: ARG001
    """Ask all seats at once and show every answer"""
    answers: dict[str, str] = {}
    async for _ in run.rounds(1):
        # as it was typed: no system prompt, nothing around it
        parts = run.question(as_typed=True)
        asked = run.seats
        batch: Batch[str] = run.batch()
        async with batch:
            for seat in asked:
                batch.add("answer", seat, Call(seat, parts, TEXT))
            async for done in batch:
                answers[done.key] = str(done.value)
                run.offer(_outcome(run, answers, "asking", ""))
        run.require(1, "answer", answers)
        status = "answered" if len(answers) == len(asked) else "partial"
        run.offer(_outcome(run, answers, status, f"{len(answers)} of {len(asked)} seats answered"))
    return run.offered


def _outcome(run: Run, answers: Mapping[str, str], status: str, explanation: str) -> Outcome:
    return Outcome(
        status=status,
        met=True,
        answers=tuple(Candidate(seat=seat, answer=answers[seat]) for seat in run.all_seats if seat in answers),
        round=1,
        strategy="fanout",
        counts=(sheets.answered(run.asked("answer"), answers),),
        explanation=explanation,
    )
