"""Votes of a debate, FINALIZE, REVISE or SPLIT with a ranking, and the verdict on the merged answer."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from folkmoot.errors import Unparseable
from folkmoot.formats.base import Format, preview
from folkmoot.formats.marking import OWN
from folkmoot.formats.reading import Found, SearchedReply, decide, is_template, text_field, without_quotes
from folkmoot.formats.schemas import TEXT, one_of, order_of, record
from folkmoot.formats.statements import NOISE, find_answer, is_quoted_within, ranked, ranking_in
from folkmoot.types import JSON

Directive = Literal["FINALIZE", "REVISE", "SPLIT"]

KEYS = ("vote", "directive", "decision")
CONFIRM_KEYS = ("verdict", "confirm", "confirmation", "decision", "vote")
RANKED = 20_000  # characters at the end in which the ranking beside a vote is looked for


@dataclass(frozen=True, slots=True)
class Vote:
    """What one seat wants to happen next."""

    vote: Directive
    target: str | None = None  # the label that FINALIZE endorses
    focus: str = ""  # what to work on, of REVISE; where the split is, of SPLIT
    ranking: tuple[str, ...] = ()  # labels of the others' answers, best first
    reasoning: str = ""


@dataclass(frozen=True, slots=True)
class Confirmation:
    """What one seat says of the merged answer."""

    approved: bool
    reason: str = ""


_WORD = r"(?P<word>(?i:FINALI[SZ]E|REVISE|SPLIT))(?![A-Za-z])"
_HEADED = (
    r"(?:(?i:(?:(?:my|final|the|own)[ \t]+)*(?:vote|verdict|decision|ballot|confirm|confirmation)\b"
    r"[ \t*_`]*(?:is\b|was\b)?)[ \t]*[:=–—-]*[ \t*_`>#-]*)?"
)
_OPENED = r"(?P<quote>[\"“'‘]?)"
_LINE = re.compile(rf"^{NOISE}{_HEADED}{_OPENED}[*_`]*{_WORD}(?P<rest>[^\n]*)$", re.M)
_I_VOTE = re.compile(
    r"(?:^[ \t>*_`#+•-]*|[.;,!–—-][ \t]+|\b(?i:so|therefore|thus|hence|and|but|then|overall|vote:)[ \t,]+[*_`]*)"
    r"I[ \t]+(?i:(?:hereby|therefore|thus|now|do|strongly|still)[ \t]+)*(?i:vote|choose|opt)(?i:[ \t]+(?:to|for))?"
    rf"[ \t:]*{_OPENED}[*_`]*{_WORD}(?P<rest>[^\n]*)$",
    re.M,
)
_MARKED = re.compile(r"[ \t*_`\"'”’)\]]*(?:[:=–—→|]|-(?=[ \t>])|->)+[ \t*_`]*")
_NO_STATEMENT = re.compile(
    r"\s*(?:[/,&]|(?i:or|and|is|isn['’]t|was|were|would|will|could|should|seems?|may|might|has|votes?|not|if|at"
    r"|vs)\b)"
)
_PLACEHOLDER = re.compile(r"^(?:<[^>]*>|\[[^\]]*\]|\.\.\.|…)$")
_WORD_ONLY = re.compile(rf"{_WORD}|/|\|")
_NEXT_LINE = re.compile(
    r"^[ \t>*_`#-]*(?:(?i:target|endorse[sd]?|proposal|for)[ \t*_`]*:[ \t*_`]*)?(?P<text>[^\n]{1,80})$"
)

_NEXT = 200  # characters after a directive in which its target may follow

MISSING_VOTE = 'there is neither a JSON object with a "vote" nor a line that begins with FINALIZE:, REVISE: or SPLIT:'


def read_vote(reply: str, labels: Sequence[str], own: str | None = None) -> Vote:
    """The vote in a JSON object anywhere in the reply, else on a line `FINALIZE: Answer B` or `REVISE: what`.

    Two different votes, an endorsement of no or of several answers, a negated or a peer's vote are no vote. A ranking
    that cannot be read is left out. `own` is the voter's label: it does not rank itself.

    >>> labels = ["Answer A", "Answer B", "Answer C"]
    >>> read_vote("I was wrong.\\n**FINALIZE:** Answer B\\nRANKING: B > C", labels, "Answer A").ranking
    ('Answer B', 'Answer C')
    >>> read_vote("I won't FINALIZE, I vote REVISE: check the units", labels).focus
    'check the units'
    """
    marked = SearchedReply(reply)
    others = [label for label in labels if label != own]
    objects = [each for each in marked.objects(*KEYS) if not is_template(each.value, KEYS)]
    found = [each.read(lambda value: _vote_in_object(value, labels, others, own)) for each in objects]
    ranking, reasoning = ranking_in(without_quotes(marked.text[-RANKED:]), others), marked.text.strip()

    def in_line(line: tuple[Directive, str, str]) -> Vote:
        directive, rest, after = line
        target = find_answer(rest or _next(after), labels, own) if directive == "FINALIZE" else None
        return Vote(directive, target, "" if target else rest, ranking, reasoning)

    found += [each.read(in_line) for each in _directives(marked)]
    vote = decide(found, "votes", lambda each: (each.vote, each.target))
    if vote is None:
        raise Unparseable(MISSING_VOTE)
    return vote


def _vote_in_object(given: JSON, labels: Sequence[str], others: Sequence[str], own: str | None) -> Vote:
    written = next(given[key] for key in KEYS if key in given)
    line = _LINE.match(written.strip()) if isinstance(written, str) else None
    if line is None or _NO_STATEMENT.match(line["rest"]) or _WORD_ONLY.match(_after_mark(line["rest"])):
        raise Unparseable('"vote" is none of FINALIZE, REVISE and SPLIT')
    directive, rest = _directive(line["word"]), _after_mark(line["rest"])
    named = next((each for key in ("target", "answer", "endorses", "label") if (each := text_field(given, key))), "")
    order = given.get("ranking")
    chain = [str(each) for each in order] if isinstance(order, list) else None
    return Vote(
        directive,
        find_answer(named or rest, labels, own) if directive == "FINALIZE" else None,
        "" if directive == "FINALIZE" else text_field(given, "focus") or rest,
        ranking_in(f"RANKING: {order}", others) if chain is None else ranked(chain, others),
        text_field(given, "reasoning") or text_field(given, "reason"),
    )


def _directives(marked: SearchedReply) -> list[Found[tuple[Directive, str, str]]]:
    """Each directive that stands as a statement, what follows it on its line, and the beginning of the next.

    One in capitals makes those in small letters prose.
    """
    found: list[Found[tuple[Directive, str, str]]] = []
    shouted: list[bool] = []
    for line in (*marked.lines(_LINE), *marked.lines(_I_VOTE, within=OWN)):
        match = line.value
        if isinstance(match, Unparseable):
            continue
        word, rest = match["word"], match["rest"]
        whole = marked.text[marked.text.rfind("\n", 0, match.start("word")) + 1 : match.end()]
        follows = _MARKED.match(rest)
        said = _after_mark(rest)
        quoted = bool(match["quote"])
        if quoted and not re.search(r"[\"”'’][\s*_`.!)]*$", rest[-40:]):
            continue  # the quotation ends, and the sentence goes on about it
        if not quoted and is_quoted_within(whole, len(whole) - len(rest) - len(word)):
            continue
        if (not follows and _NO_STATEMENT.match(rest)) or _PLACEHOLDER.match(said) or _WORD_ONLY.match(said):
            continue
        alone = not rest.strip(" \t*_`.!\"'”’)")
        names = _directive(word) == "FINALIZE" and _names_at_once(rest)
        if not (follows or alone or names or (word.isupper() and _directive(word) != "FINALIZE")):
            continue
        value = (_directive(word), said, marked.text[match.end() : match.end() + _NEXT])
        found.append(Found(value, line.rank, line.start, line.fenced))
        shouted.append(word.isupper())
    return [each for each, loud in zip(found, shouted, strict=True) if loud or not any(shouted)]


def _names_at_once(rest: str) -> bool:
    """Whether a label follows, as in `Finalize Participant B`. Any label: an unknown one is told to the seat."""
    return bool(
        re.match(
            r"[ \t*_`]+(?:(?i:the|for|on)[ \t]+)?(?:(?i:answer|participant|proposal|option|response)\b|[A-Z]\b)", rest
        )
    )


def _after_mark(rest: str) -> str:
    marked = _MARKED.match(rest)
    return (rest[marked.end() :] if marked else rest).strip(" \t*_`\"“”'’")


def _next(after: str) -> str:
    """The target, where it stands on the next line."""
    line = next((each for each in after.splitlines() if each.strip()), "")
    found = _NEXT_LINE.match(line)
    return found["text"] if found else ""


def _directive(word: str) -> Directive:
    written = word.upper()
    return "FINALIZE" if written.startswith("F") else "REVISE" if written == "REVISE" else "SPLIT"


def brief_vote(vote: Vote) -> str:
    said = vote.target or vote.focus
    return f"{vote.vote}{f' {preview(said)}' if said else ''}"


def vote_for(labels: Sequence[str], own: str | None = None) -> Format[Vote]:
    """A vote on the answers in `labels` by the author of `own`."""
    others = [label for label in labels if label != own]
    return Format(
        "vote",
        # The form names no answer: one that stood in it would be endorsed more often.
        instructions=f"""\
Write the reasons first and let the vote follow from them. Reply with this JSON object and nothing else:

```json
{{
  "reasoning": "<why, and what the other answers lack>",
  "ranking": ["<label>", "<label>"],
  "vote": "<FINALIZE, REVISE or SPLIT>",
  "target": "<label, or empty>",
  "focus": "<what to work on, or empty>"
}}
```
`vote` is FINALIZE, REVISE or SPLIT. `target` is the one answer that FINALIZE endorses, of {", ".join(labels)}; \
otherwise it is empty. `focus` says what to work on (REVISE) or what exactly is disputed (SPLIT). `ranking` lists \
{", ".join(others)}, the best first. If you cannot write JSON, write one line `FINALIZE: <label>`, `REVISE: <focus>` \
or `SPLIT: <reason>`, and one line `RANKING: <label> > <label>`.""",
        parse=lambda reply: read_vote(reply, labels, own),
        example=json.dumps(
            {
                "reasoning": "It is right and complete.",
                "ranking": others,
                "vote": "FINALIZE",
                "target": min(labels, key=lambda label: (len(label), label)),  # the same for every voter
                "focus": "",
            }
        ),
        schema=record(
            reasoning=TEXT,
            ranking=order_of(others),
            vote=one_of(*get_args(Directive)),
            target=one_of(*labels, ""),
            focus=TEXT,
        ),
        brief=brief_vote,
    )


_APPROVE = r"(?P<word>(?i:APPROVE[DS]?|REJECT(?:ED|S)?))(?![A-Za-z])"
_CONFIRM_LINE = re.compile(
    rf"^{NOISE}{_HEADED}{_OPENED}[*_`]*(?:I[ \t]+(?i:(?:hereby|therefore|fully|do)[ \t]+)*)?[*_`]*{_APPROVE}"
    r"(?P<rest>[^\n]*)$",
    re.M,
)
_CONDITION = re.compile(r"\b(?:if|provided|unless|once|subject to|conditional\w*|pending)\b", re.IGNORECASE)
_GOES_ON = re.compile(r"[ \t]+(?i:it|this|because|since|as|with|and|the (?:synthesis|merge|merged|answer|text))\b")


def read_confirmation(reply: str) -> Confirmation:
    """The verdict in a JSON object anywhere in the reply, else on a line that begins with APPROVE or REJECT.

    >>> read_confirmation("Nothing is lost.\\n**Verdict:** I approve.").approved
    True
    """
    marked = SearchedReply(reply)

    def in_object(value: JSON) -> Confirmation:
        written = next(value[key] for key in CONFIRM_KEYS if key in value)
        stated = {each.value for each in _approvals(SearchedReply(written))} if isinstance(written, str) else set()
        if len(stated) != 1:
            raise Unparseable('"verdict" is neither APPROVE nor REJECT')
        return Confirmation(stated.pop() is True, text_field(value, "reason") or text_field(value, "reasoning"))

    objects = [each for each in marked.objects(*CONFIRM_KEYS) if not is_template(each.value, CONFIRM_KEYS)]
    found = [each.read(in_object) for each in objects]
    reason = marked.text.strip()
    found += [each.read(lambda approved: Confirmation(approved, reason)) for each in _approvals(marked)]
    confirmation = decide(found, "verdicts", lambda each: "APPROVE" if each.approved else "REJECT")
    if confirmation is None:
        raise Unparseable('there is neither a JSON object with a "verdict" nor a line with APPROVE or REJECT')
    return confirmation


def _approvals(marked: SearchedReply) -> list[Found[bool]]:
    found: list[Found[bool]] = []
    for line in marked.lines(_CONFIRM_LINE):
        match = line.value
        if isinstance(match, Unparseable):
            continue
        word, rest = match["word"], match["rest"]
        if match["quote"] and not re.search(r"[\"”'’][\s*_`.!)]*$", rest[-40:]):
            continue
        sentence = re.split(r"[.!\n]", rest, maxsplit=1)[0]
        plain = rest.lstrip("*_`\"'”’)")
        if _CONDITION.search(sentence) or re.match(r"\s*(?:[?/|&]|(?i:or|and/or|of|not)\b)", plain):
            continue
        if not plain.strip() or plain.lstrip()[0] in ".,:;!–—-(" or _GOES_ON.match(plain) or word.isupper():
            found.append(Found(word[0] in "aA", line.rank, line.start, line.fenced))
    return found


CONFIRM: Format[Confirmation] = Format(
    "confirm",
    instructions="""\
Write the reason first and let the verdict follow from it. Reply with this JSON object and nothing else:

```json
{"reason": "<what is kept, and what is lost, twisted or added without support>", "verdict": "<APPROVE or REJECT>"}
```
`verdict` is APPROVE or REJECT. If you cannot write JSON, write one line that begins with APPROVE or REJECT.""",
    parse=read_confirmation,
    example='{"reason": "It says what was agreed, and nothing is lost.", "verdict": "APPROVE"}',
    schema=record(reason=TEXT, verdict=one_of("APPROVE", "REJECT")),
    brief=lambda said: f'{"APPROVE" if said.approved else "REJECT"} — "{preview(said.reason)}"',
)
