"""What seats and models are called when people are told of them.

Seats know each other by labels only, "Answer C". People know who answered, and are shown the seat's id instead.
"""

import re
from collections.abc import Mapping

OWN_WORDS = frozenset({"answer", "ask", "propose", "search", "synthesize"})
"""The phases in which a seat answers the question itself. "Answer B" may be a choice of the question there."""

_LABELS = re.compile(r"\bAnswers?\s+[A-Z]{1,2}\b(?:\s*(?:,|&|/|>|=|and\b|or\b)\s*(?:and\s+)?[A-Z]{1,2}\b)*")
_LETTERS = re.compile(r"\b[A-Z]{1,2}\b")
_FILE = re.compile(r"(?:[/~\\]|[A-Za-z]:[/\\]).*|.*\.(?:gguf|safetensors|bin)")


def named(text: str, names: Mapping[str, str]) -> str:
    """`text` with the name of the seat for every label. `names` maps "Answer C" to what people call that seat.

    >>> names = {"Answer A": "openai/gpt-5.4", "Answer B": "sim/hasty"}
    >>> named("FINALIZE Answer A", names), named("Answers A and B agree; Answer C is not there", names)
    ('FINALIZE openai/gpt-5.4', 'openai/gpt-5.4 and sim/hasty agree; Answer C is not there')
    """
    return _LABELS.sub(lambda found: _name_all(found[0], names), text) if "Answer" in text else text


def _name_all(found: str, names: Mapping[str, str]) -> str:
    letters = _LETTERS.findall(found)
    if not all(f"Answer {letter}" in names for letter in letters):
        return found
    listed = found[re.match(r"Answers?\s+", found).end() :]  # type: ignore[union-attr]
    return _LETTERS.sub(lambda letter: names[f"Answer {letter[0]}"], listed)


def plain_model(model: str) -> str:
    """The name of a model without the folder in which a server keeps its file.

    >>> plain_model("/srv/models/qwen3-4b.gguf"), plain_model("models/gemini-3"), plain_model("meta/llama-3")
    ('qwen3-4b.gguf', 'models/gemini-3', 'meta/llama-3')
    """
    return re.split(r"[/\\]", model)[-1] or model if _FILE.fullmatch(model) else model
