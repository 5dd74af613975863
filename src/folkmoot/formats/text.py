"""TEXT: a reply that is the answer itself, verbatim."""

from folkmoot.errors import Unparseable
from folkmoot.formats.base import Format, preview
from folkmoot.formats.speech import speech_in


def read_text(reply: str) -> str:
    """The reply without thoughts and surrounding blank space. An empty reply is no answer."""
    text = speech_in(reply).text.strip()
    if not text:
        raise Unparseable("the reply is empty")
    return text


def brief_text(text: str) -> str:
    words = len(text.split())
    return f'({words} word{"" if words == 1 else "s"}) — "{preview(text)}"'


TEXT: Format[str] = Format("text", instructions="", parse=read_text, example="An answer.", brief=brief_text)
