"""The shape of a format."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from folkmoot.errors import Unparseable
from folkmoot.formats.speech import Speech
from folkmoot.types import JSON

R = TypeVar("R")


@dataclass(frozen=True)
class Format(Generic[R]):
    """What a seat is told to write, how that is read, and a reply that shows both."""

    name: str
    instructions: str  # the last part of the prompt; empty when any text will do
    parse: Callable[[str], R]  # raises Unparseable; never invents a value
    example: str  # a reply that `parse` accepts; rehearsals answer with it
    schema: JSON | None = None  # of this very call, for providers that can enforce one
    brief: Callable[[R], str] = str  # one line about a value, for whoever watches

    def read(self, speech: Speech) -> R:
        """The value of a reply without its thoughts. Raises Unparseable, also for one that holds nothing else."""
        if not speech.said.strip():
            raise Unparseable("the reply holds nothing but thoughts; write the answer after them")
        return self.parse(speech.said)


def preview(text: str, width: int = 60) -> str:
    """The first `width` characters of `text` on one line.

    >>> preview("Drive.  The car\\nhas to be there.", 12)
    'Drive. The c...'
    """
    line = " ".join(text.split(maxsplit=width + 1)[: width + 1])  # so many words are longer
    return line if len(line) <= width else line[:width] + "..."
