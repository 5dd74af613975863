"""A protocol as somebody else writes it, with `folkmoot.writing` alone: a show of hands, by a rule of its own."""

from collections.abc import Iterator
from contextlib import contextmanager

from folkmoot import protocols
from folkmoot.writing import TEXT, Call, Candidate, Count, Options, Outcome, Run, Tally, Total, protocol, sheets


class HandsOptions(Options):
    needed: int = 2


async def hands(run: Run, options: HandsOptions) -> Outcome:
    """Every seat says yes or no"""
    async for number in run.rounds(1):
        said = await run.call_all("raise", {seat: Call(seat, (run.prompt,), TEXT) for seat in run.seats}, need=1)
        yes = [seat for seat, text in said.items() if text == "yes"]
        met = len(yes) >= options.needed
        count = Count(
            rule="show-of-hands",
            round=number,
            parameters={"needed": options.needed},
            ballots=sheets.ballots(run.asked("raise"), said),
            outcome=Tally(
                totals=(Total(says="yes", value=len(yes), seats=tuple(yes), chosen=met),),
                met=met,
                explanation=f"{len(yes)} of {len(said)} hands",
            ),
        )
        answers = tuple(Candidate(seat=seat, answer=text) for seat, text in said.items())
        run.offer(Outcome(status="raised", met=met, answers=answers, round=number, counts=(count,)))
    return run.offered


@contextmanager
def show_of_hands() -> Iterator[None]:
    """Registers the protocol as an entry point would, for one test."""
    protocol("show-of-hands", HandsOptions, max_calls=lambda _, seats: seats)(hands)
    try:
        yield
    finally:
        del protocols._REGISTRY["show-of-hands"]
