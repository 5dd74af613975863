"""Verdicts: which of several answers a judge finds right, or none of them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from folkmoot.errors import Unparseable
from folkmoot.formats.base import Format, preview
from folkmoot.formats.reading import SearchedReply, decide, is_placeholder, is_template, text_field
from folkmoot.formats.same import find_label
from folkmoot.formats.schemas import TEXT, one_of, record
from folkmoot.types import JSON

KEYS = ("verdict", "final_verdict", "winner", "correct_answer")

_LINE = re.compile(
    r"^[ \t>*_#`~|•-]*+(?:(?:my|the|final|own|thus|therefore|so|hence|mein|mon|mi|moi|мой),?[ \t]+)*+(?:verdict"
    r"|urteil|veredicto|вердикт|裁决|判定)"
    r"[ \t*_`]*+(?:[:：=|–—-]|->|→|\bis\b|是|は)(?P<rest>[^\n]+)$",
    re.IGNORECASE | re.MULTILINE,
)
_HEADING = re.compile(
    r"^[ \t>*_#`]*+(?:(?:my|the"
    r"|final)[ \t]+)*+verdict[ \t*_`]*+[:：]?[ \t*_`]*+\n(?:[ \t]*+\n){0,2}(?P<rest>(?![`{<~|])[^\n]{1,80})$",
    re.IGNORECASE | re.MULTILINE,
)
_TAG = re.compile(
    r"^[^\n]{0,300}?<(?:final_)?verdict>\s*(?P<rest>[^<>\n]{1,80})\s*</(?:final_)?verdict>",
    re.IGNORECASE | re.MULTILINE,
)
_NONE = {
    "none", "none of them", "none of these", "neither", "no answer", "null", "none of the answers", "all wrong",
    "keine", "keine davon", "aucune", "ninguna", "nessuna", "ни один", "都不对", "无",
}  # fmt: skip
_DENIED = re.compile(
    r"\b(?:not|no|never|cannot|neither|nor|except|but|wrong|incorrect|false|isnt|doesnt)\b", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Verdict:
    label: str | None  # None: the judge finds none of them right
    reason: str


def read_verdict(reply: str, labels: Sequence[str]) -> Verdict:
    """The verdict in a JSON object, or on a line `VERDICT: Answer B`, that the judge gives in its own name.

    >>> read_verdict('{"reason": "17 * 23 = 391", "verdict": "Answer B"}', ["Answer A", "Answer B"]).label
    'Answer B'
    >>> read_verdict("Neither adds up.\\nVERDICT: none", ["Answer A", "Answer B"]).label is None
    True
    """
    marked = SearchedReply(reply)

    def in_object(value: JSON) -> Verdict:
        written = next(value[key] for key in KEYS if key in value)
        if written is not None and not isinstance(written, str):
            raise Unparseable("the verdict is neither a label nor none")
        return Verdict(_which(written or "none", labels), text_field(value, "reason"))

    found = [each.read(in_object) for each in marked.objects(*KEYS) if not is_template(each.value, KEYS)]
    prose = marked.text.strip()
    found += [
        line.read(lambda each: Verdict(_which(each["rest"].strip(" |"), labels), prose))
        for line in (*marked.lines(_LINE), *marked.lines(_HEADING), *marked.lines(_TAG))
        if isinstance(line.value, re.Match) and not is_placeholder(line.value["rest"])
    ]
    verdict = decide(found, "verdicts", lambda each: each.label)
    if verdict is None:
        raise Unparseable('there is neither a JSON object with a "verdict" nor a line "VERDICT: ..."')
    return verdict


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
{{"reason": "<what you worked out, and the step at which each wrong answer goes wrong>", "verdict": "<label>"}}
```
`verdict` is one of {", ".join(labels)}, or "none" if you can show that all of them are wrong.""",
        parse=lambda reply: read_verdict(reply, labels),
        example=f'{{"reason": "Worked out again; it holds.", "verdict": "{labels[0]}"}}',
        schema=record(reason=TEXT, verdict=one_of(*labels, "none")),
        brief=lambda verdict: f'{verdict.label or "none of them"} — "{preview(verdict.reason)}"',
    )


VERDICT = verdict_for(("Answer A", "Answer B"))
