"""Verdicts: which of several answers a judge finds right, or none of them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field

from folkmoot.errors import Unparseable
from folkmoot.formats.base import Format, preview
from folkmoot.formats.reading import NoObject, json_object, text_field, without_quotes
from folkmoot.formats.same import find_label

_VERDICT_LINE = re.compile(
    r"^[\s>*_#`~-]*(?:my\s+|the\s+)?(?:final\s+)?verdict[\s*_`]*(?::|=|\bis\b)(?P<rest>[^\n]+)$",
    re.IGNORECASE | re.MULTILINE,
)
_NONE = {"none", "none of them", "none of these", "neither", "no answer", "null"}
_DENIED = re.compile(
    r"\b(?:not|no|never|cannot|neither|nor|except|but|wrong|incorrect|false|isnt|doesnt)\b", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Verdict:
    label: str | None  # None: the judge finds none of them right
    reason: str


class VerdictReply(BaseModel):
    """The checks come first, so that the verdict follows from them."""

    model_config = ConfigDict(extra="forbid")

    reason: str
    verdict: str = Field(description='a label such as "Answer A", or "none"')


def read_verdict(reply: str, labels: Sequence[str]) -> Verdict:
    """A verdict in a JSON object anywhere in the reply, else on the last line `VERDICT: Answer B`.

    >>> read_verdict('{"reason": "17 * 23 = 391", "verdict": "Answer B"}', ["Answer A", "Answer B"]).label
    'Answer B'
    >>> read_verdict("Neither adds up.\\nVERDICT: none", ["Answer A", "Answer B"]).label is None
    True
    """
    try:
        found = json_object(reply, "verdict")
    except NoObject:
        lines = list(_VERDICT_LINE.finditer(without_quotes(reply))) or list(_VERDICT_LINE.finditer(reply))
        if not lines:
            raise Unparseable('there is neither a JSON object with a "verdict" nor a line "VERDICT: ..."') from None
        return Verdict(_which(lines[-1]["rest"], labels), reply[: lines[-1].start()].strip())
    written = found["verdict"]
    if written is not None and not isinstance(written, str):
        raise Unparseable("the verdict is neither a label nor none")
    return Verdict(_which(written or "none", labels), text_field(found, "reason"))


def _which(written: str, labels: Sequence[str]) -> str | None:
    plain = re.sub(r"[*_`\"']", "", written).strip().rstrip(".").strip()
    if plain.lower() in _NONE:
        return None
    named = [label for label in labels if re.search(rf"\b{label}\b", plain, re.IGNORECASE)]
    if len(named) == 1 and not _DENIED.search(plain):
        return named[0]
    return find_label(plain, labels)


def verdict_for(labels: Sequence[str]) -> Format[Verdict]:
    """A verdict on the answers in `labels`."""
    return Format(
        "verdict",
        instructions=f"""\
Write the checks first and let the verdict follow from them. Reply with this JSON object and nothing else:

```json
{{"reason": "what you worked out, and the step at which each wrong answer goes wrong", "verdict": "{labels[0]}"}}
```
`verdict` is one of {", ".join(labels)}, or "none" if you can show that all of them are wrong.""",
        parse=lambda reply: read_verdict(reply, labels),
        example=f'{{"reason": "Worked out again; it holds.", "verdict": "{labels[0]}"}}',
        schema=VerdictReply,
        brief=lambda verdict: f'{verdict.label or "none of them"} — "{preview(verdict.reason)}"',
    )


VERDICT = verdict_for(("Answer A", "Answer B"))
