"""Labels in prose: which answer a seat names, and in which order it ranks several.

The readers of votes, verdicts and rankings decide whose words they look at; here is how a label is written in them.
"""

import re
from collections.abc import Iterator, Sequence

from folkmoot.errors import Unparseable
from folkmoot.formats.base import preview

NOISE = r"[ \t>*_`#+•|-]*+(?:\(?\d{1,2}[.)][ \t*_`]*+)?"
"""What may stand before the first word of a line: markup, a bullet, a number."""

_NOUN = r"(?i:answer|participant|proposal|response|option|candidate|solution|author|seat|model|text)"
_NAMED = re.compile(
    rf"{_NOUN}(?:(?i:s?)[\s_:#*`\"'’-]+(?P<letter>[A-Za-z]{{1,2}})|(?P<joined>[A-Z]{{1,2}}))(?![A-Za-z0-9])"
)
_BARE = re.compile(r"(?P<letter>[A-Z]{1,2})(?![A-Za-z0-9'’])")
_ALL = re.compile(r"(?P<letter>[a-z]{1,2})[\s*_`\"'“”’)\].]*$")
_BEFORE_LABEL = re.compile(r"[\s*_`\"'“”‘’(\[~#:=>→–—-]*+(?:(?i:the|for|on|behind|with|is)\s+)*+[*_`\"'“”‘’(\[]*+")
_JOINS = re.compile(r"[\s*_`\"'”’)\]]*+(?:(?:,|&|\+|/|\b(?i:and|or|vs)\b\.?)\s*)+[*_`\"'“‘(\[]*+")
_OWN = re.compile(r"(?:my own|mine|my (?:answer|proposal)|myself)\b", re.IGNORECASE)
_TURNED = re.compile(
    r"\b(?:no|not|none|never|neither|nor|but|except|without|cannot|over|than|against|instead|rather)\b|n['’]t\b", re.I
)
# after the article "a" comes a noun; after the label A one of these, or no lower-case word
_AFTER_A_LABEL = re.compile(
    r"(?:because|since|as|is|was|ha[sd]|with|over|and|or|but|for|by|due|given|in|on|it|so|although|which|that|whose"
    r"|not|to"
    r"|than|would|wins|seems|remains|provides|gives|offers|does|answers|shows|explains|makes|gets|stands)\b"
)


def is_quoted_within(line: str, at: int) -> bool:
    """Whether a quotation is open at `at` that somebody else's words may be in."""
    before = line[:at]
    return before.count('"') % 2 == 1 or before.rfind("“") > before.rfind("”")


def find_answer(text: str, labels: Sequence[str], own: str | None = None) -> str:
    """The one of `labels` that `text`, which is about one answer, names: first of all, or alone.

    >>> labels = ["Answer A", "Answer B", "Answer C"]
    >>> [find_answer(each, labels) for each in ("B - cleaner than A", "**participant b**, not A", "ProposalC")]
    ['Answer B', 'Answer B', 'Answer C']
    """
    at = _start(text)
    if own in labels and _OWN.match(text, at):
        return str(own)
    first = _label_at(text, at, labels)
    if first is not None:
        label, end = first
        if label not in labels:
            raise Unparseable(f"there is no {label}, only {', '.join(labels)}")
        if (join := _JOINS.match(text, end)) and (other := _label_at(text, join.end(), labels)) and other[0] != label:
            raise Unparseable(f"{preview(text)!r} names more than one answer")
        if text[end:].lstrip("*_`\"'”’)] ").startswith("?"):
            raise Unparseable(f"{preview(text)!r} is a question")
        return label
    mentioned = {name: found.start() for found in _NAMED.finditer(text) if (name := _label(found, labels))}
    if len(mentioned) != 1:
        raise Unparseable(f"{preview(text)!r} names {'more than one' if mentioned else 'no'} answer")
    ((only, place),) = mentioned.items()
    if only not in labels or _TURNED.search(text[:place]):
        raise Unparseable(f"{preview(text)!r} does not say which of {', '.join(labels)} is meant")
    return only


def _start(text: str) -> int:
    found = _BEFORE_LABEL.match(text)
    return found.end() if found else 0


def _label_at(text: str, at: int, labels: Sequence[str]) -> tuple[str, int] | None:
    """The label that begins at `at`, known or not, and where it ends. A small letter is one only when it is all."""
    if (found := _ALL.match(text, at)) and (all_of_it := f"Answer {found['letter'].upper()}") in labels:
        return all_of_it, found.end()
    for pattern in (_NAMED, _BARE):
        if (found := pattern.match(text, at)) and (label := _label(found, labels)):
            return label, found.end()
    return None


def _label(found: re.Match[str], labels: Sequence[str]) -> str | None:
    """The label that a name means; None for a word that is none."""
    letter = found.groupdict().get("joined") or found["letter"]
    label = f"Answer {letter.upper()}"
    if letter.islower() and label not in labels:
        return None
    if letter in ("a", "A", "I"):
        after = found.string[found.end() : found.end() + 20]
        if re.match(r" [a-z]", after) and not _AFTER_A_LABEL.match(after, 1):
            return None
    return label


_APART = re.compile(r"\s*(?:>+|›|→|≻|»|⟩|;|,|\bthen\b)\s*", re.IGNORECASE)
_TIED = re.compile(r"=|≈|~|\b(?:tied?|equal)\b", re.IGNORECASE)
_RANKING = re.compile(
    rf"^{NOISE}(?:(?:my|final|full|overall)[ \t]+)*ranking\b[^:\n>=]{{0,30}}?(?:[:=]+|[ \t][–—-]+[ \t]|$)[*_` \t]*"
    r"(?P<rest>[^\n]*)$",
    re.I | re.M,
)
_ITEM = re.compile(r"^[ \t>*_`#]*(?:\(?\d{1,2}[.):]|[-•+*])[ \t*_`]*(?P<text>\S[^\n]*)$")


def ranking_in(text: str, labels: Sequence[str]) -> tuple[str, ...]:
    """The ranking that follows the word, on its line or as a list below; empty when there is none.

    What is not a label is passed over. It ends at a tie: nobody knows who comes first of those.

    >>> labels = ["Answer A", "Answer B", "Answer C"]
    >>> ranking_in("RANKING: Answer B > C > A", labels), ranking_in("## Ranking\\n1. **C**\\n2. Answer A", labels)
    (('Answer B', 'Answer C', 'Answer A'), ('Answer C', 'Answer A'))
    """
    headings = list(_RANKING.finditer(text))
    if not headings:
        return ()
    rest = headings[-1]["rest"].strip()
    if rest:
        return ranked(_APART.split(rest), labels)
    below = text[headings[-1].end() :].lstrip("\n").splitlines()
    items = list(_items(below))
    if not items and below:
        items = _APART.split(below[0])
    elif len(items) == 1:
        items = _APART.split(items[0])
    return ranked(items, labels)


def ranked(written: Sequence[str], labels: Sequence[str]) -> tuple[str, ...]:
    """The labels in `written`, in its order, each once."""
    found: list[str] = []
    for each in written:
        if _TIED.search(each):
            break
        first = _label_at(each, _start(each), labels)
        if first is not None and first[0] in labels:
            found.append(first[0])
    return tuple(dict.fromkeys(found))


def _items(lines: Sequence[str]) -> Iterator[str]:
    """The items of the list that `lines` begin with."""
    for line in lines:
        if found := _ITEM.match(line):
            yield found["text"]
        elif line.strip():
            return
