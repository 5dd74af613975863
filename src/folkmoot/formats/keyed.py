"""Keyed answers: any text, with what it comes to on its last line, so that answers can be compared without a model."""

from dataclasses import dataclass

from folkmoot.errors import Unparseable
from folkmoot.formats.abstention import abstains, refuses
from folkmoot.formats.answer_keys import Key, key_of
from folkmoot.formats.asking_for import asked_for
from folkmoot.formats.base import Format, preview
from folkmoot.formats.conclusions import blank_field, stated
from folkmoot.formats.speech import speech_in
from folkmoot.formats.spelling import visible

__all__ = ["INSTRUCTIONS", "KEYED", "Keyed", "brief_keyed", "keyed_for", "read_keyed", "stated"]


@dataclass(frozen=True, slots=True)
class Keyed:
    """An answer as it was written, and what it says it comes to."""

    text: str
    said: str | None  # the short answer, in its own words; None: it states none
    key: Key | None
    abstains: bool = False  # it says that it does not know, or refuses: it counts for nobody

    @property
    def group(self) -> str | None:
        """The name of the group of answers that say the same for certain; None for an abstention.

        An answer that states no conclusion is in one group with those that are the same to the letter.
        """
        if self.abstains:
            return None
        return self.key.text if self.key is not None else "\n" + self.text


def read_keyed(reply: str, question: str = "") -> Keyed:
    """An answer with its key. An answer that states none is an answer all the same; only an empty reply is not."""
    text = speech_in(reply).text.strip()
    if not visible(text[:1000]) and not visible(text):
        raise Unparseable("the reply is empty")
    said = stated(text, question)
    if said is None and asked_for(question).output:
        said = blank_field(text)
    if said is None:
        return Keyed(text, None, None, refuses(text, question) or _is_instruction(text))
    if abstains(said, question, code=asked_for(question).output) or _is_instruction(said):
        return Keyed(text, said, None, True)
    return Keyed(text, said, key_of(said, question))


def brief_keyed(answer: Keyed) -> str:
    return f'{preview(answer.said)} — "{preview(answer.text)}"' if answer.said else f'"{preview(answer.text)}"'


INSTRUCTIONS = """\
Write the whole answer first. Then, on a last line of its own, say what it comes to, like this:

ANSWER: <conclusion>

Instead of `<conclusion>` stands nothing but the shortest complete form of your conclusion: the number (with its unit \
only if the question leaves the unit open), the letter of the choice, the value as code, the name, or yes or no. Where \
the question calls for a longer text, put its main point there in a few words."""

_HANDED_BACK = " ".join(INSTRUCTIONS.casefold().replace("`", "").split())


def _is_instruction(said: str) -> bool:
    """Whether `said` merely repeats the instructions."""
    words = " ".join(said.casefold().replace("`", "").split()).strip(" .")
    return len(words.split()) > 3 and words in _HANDED_BACK


def keyed_for(question: str) -> Format[Keyed]:
    """An answer to `question`: what the question fixes, a unit for instance, is left out of the key."""
    return Format(
        "keyed",
        instructions=INSTRUCTIONS,
        parse=lambda reply: read_keyed(reply, question),
        example="It is as the question says.\n\nANSWER: yes",
        brief=brief_keyed,
    )


KEYED = keyed_for("")
