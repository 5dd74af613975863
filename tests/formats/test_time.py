"""No reply takes long to read: every reader over every repeated piece, in CPU time, and when it is doubled."""

import contextlib
import time
from collections.abc import Callable
from typing import Any

import pytest

from folkmoot.errors import Unparseable
from folkmoot.formats import TEXT
from folkmoot.formats.confidence import CONFIDENT
from folkmoot.formats.keyed import KEYED
from folkmoot.formats.sources import SOURCES
from folkmoot.formats.speech import Listener, speech_in
from folkmoot.formats.vector import VECTOR
from folkmoot.prompting import blocks
from tests.formats.quoting import JUDGING
from tests.formats.test_schemas import FORMATS

pytestmark = pytest.mark.slow

SIZE = 120_000  # bytes: more than the ends of a reply in which lines are looked for
MOST = 0.25  # seconds of CPU for SIZE, generous for a busy machine; a quadratic search takes minutes
ENOUGH = 0.03  # seconds, above which twice the length is compared

PIECES = [
    *"\n\t #*_`>{}[]()<\"'“«|-=~:.,\\$a1é中", "> ", "9 ", "A ", "```\n", "~~~\n", "<think>", "</think>", "<score>",
    "<pre>", "<score>7</score>", "<!--", "<|", "<|channel|>", "[THINK]", "◁", '{"', '{"a":', '{"a":1}', '{"score":',
    '{"score": 7}\n', "{'", "Score: ", "Score: 7\n", "score(", "7/10 ", "7/10\n", "| a | 7 |\n", "| Score |\n|---|\n",
    "Answer A ", "Answer A: 7\n", "A > ", "A > B\n", "A, B, ", "1. A\n", "- A\n", "\n\n", "\r\n", "> x\n", "    x\n",
    "FINALIZE: Answer B\n", "REVISE ", "APPROVE\n", "I vote ", "I would give ", "my ", "final ", "verdict ",
    "Verdict: Answer A\n", "ranking ", "Final ranking:\n", "\\boxed{", "\\boxed{7}", "\\frac{1}{2}", "the answer is ",
    "ANSWER: 7\n", "Confidence: 0.5\n", "<synthesis>", "<synthesis>x</synthesis>", "<rank>", "<area>", "Group 1: A\n",
    "“x” ", "'a' ", "a. ", "it said ", "**a** ", "{a} ", '{"score": "', '"score": 7, ', '{"ranking": ["', "1-", "10/",
    "## Score\n", "PICK: A\n", "[quote]", "\\begin{quote}", "<answer-0123456789abcdef>",
]  # fmt: skip


def heard(reply: str) -> str:
    listener = Listener()
    return "".join(listener.hear(reply[at : at + 4096]) for at in range(0, len(reply), 4096)) + listener.rest()


READERS: dict[str, Callable[[str], object]] = {
    **{format.name: format.parse for format in (*FORMATS, TEXT, KEYED, CONFIDENT, SOURCES, VECTOR)},
    **{name: judging.format.parse for name, judging in JUDGING.items()},
    "speech": lambda reply: speech_in(reply).text,
    "listener": heard,
    "blocks": blocks,
}


def seconds(read: Callable[[str], Any], reply: str) -> float:
    began = time.process_time()
    with contextlib.suppress(Unparseable):
        read(reply)
    return time.process_time() - began


@pytest.mark.parametrize("name", READERS)
def test_a_long_reply_of_anything_is_read_in_no_time(name: str) -> None:
    read = READERS[name]
    slow: dict[str, list[float]] = {}
    for piece in PIECES:
        reply = (piece * (SIZE // len(piece.encode()) + 1)).encode()[: SIZE - 3].decode(errors="ignore")
        took = seconds(read, reply)
        if took > ENOUGH:  # the better of two, because the machine may be busy
            took = min(took, seconds(read, reply))
            half = max(seconds(read, reply[: len(reply) // 2]), 0.002)
            if took > MOST or (took > ENOUGH and took > 3 * half + ENOUGH):
                slow[piece] = [round(half, 3), round(took, 3)]
    assert slow == {}
