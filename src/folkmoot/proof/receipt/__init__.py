"""The receipt: what the record says the panel was worth, without a new call.

What each seat alone and a plain vote over the first answers would have said, which seats turn the result when they are
left out, what each phase cost and whether it changed what led, how many independent votes the panel amounts to, and
who dissents. Nothing here is a guess: what the record cannot tell is None, with the reason beside it.
"""

from folkmoot.proof.receipt.reckoning import receipt, receipt_of
from folkmoot.proof.receipt.records import Alone, Dissent, EffectiveVotes, LeftOut, PhaseWorth, PlainVote, Receipt

__all__ = [
    "Alone", "Dissent", "EffectiveVotes", "LeftOut", "PhaseWorth", "PlainVote", "Receipt", "receipt", "receipt_of",
]  # fmt: skip
