"""The Markdown pages of a run: a contribution, a judge's reviews, the final page.

What a model wrote is either the rest of its file, verbatim, or a quotation (`> `). So no answer can close a fence it
did not open, swallow what follows, or pass off a heading or a table of its own as part of the record.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass

from folkmoot.formats.base import preview
from folkmoot.naming import named, plain_model
from folkmoot.types import Candidate, Result, SeatReport, Usage

_LINE = re.compile(r"\r\n|\r|\n")  # what ends a line in Markdown
_MARKUP = re.compile(r"([\\`*_\[\]<>~&])")

KINDS = {
    "propose": "proposal",
    "evaluate": "review",
    "review": "review",
    "rebut": "rebuttal",
    "synthesize": "synthesis",
}
"""The name of a phase's product, where it differs from the phase's name."""


@dataclass(frozen=True)
class Contribution:
    """One reply, or the failure to give one."""

    kind: str  # proposal, review, vote, ...
    round: int
    seat: str  # the id of the seat that was asked
    about: str | None = None  # the id of the seat whose answer is judged
    text: str = ""
    value: object = None  # what the format read
    seconds: float | None = None
    usage: Usage | None = None
    usd: float | None = None
    list_usd: float | None = None
    failure: str | None = None  # its kind and message


def quoted(text: str) -> str:
    """`text` as a quotation that ends where the text ends, whatever it holds.

    >>> print(quoted("```\\nnever closed"))
    > ```
    > never closed
    """
    return "\n".join(f"> {line}" if line else ">" for line in _LINE.split(text))


def code(text: str) -> str:
    return "`" + " ".join(text.replace("`", "'").split()) + "`"


def inline(text: str) -> str:
    """Return `text` on one line with all markup escaped."""
    return _MARKUP.sub(r"\\\1", " ".join(text.split()))


def money(usd: float | None, list_usd: float | None = None, at_most: float | None = None) -> str:
    """
    >>> money(0.01234), money(0.0), money(0.0, 0.08), money(None), money(None, at_most=0.02)
    ('$0.0123', 'free', 'covered, list price $0.0800', 'price unknown', 'at most $0.0200')
    """
    if usd is None and at_most is not None:
        return f"at most ${at_most:.4f}"
    if usd is None:
        return "price unknown"
    if usd:
        return f"${usd:.4f}"
    return f"covered, list price ${list_usd:.4f}" if list_usd else "free"


def tokens(usage: Usage | None) -> str:
    if usage is None:
        return "tokens not reported"
    cached = f" ({usage.cached_tokens:,} cached)" if usage.cached_tokens else ""
    return f"{usage.input_tokens:,} tokens in{cached}, {usage.output_tokens:,} out"


def contribution_page(found: Contribution, names: Mapping[str, str]) -> str:
    """Return the page of one reply: a title line, then what the seat wrote, verbatim.

    A reply about several answers is shown by answer; `names` says who stands behind a label.
    """
    head = f"**{found.kind.capitalize()}** · round {found.round} · {code(found.seat)} · {_effort(found)}"
    if found.failure is not None:
        return f"{head}\n\n---\n\nNo usable reply.\n\n{quoted(found.failure)}\n"
    return f"{head}\n\n---\n\n{_sections(found.value, names) or _as_written(found.text)}\n"


def review_page(reviews: Sequence[Contribution]) -> str:
    """Return the page of one judge's replies in a round, with a section for each answer."""
    first = reviews[0]
    head = f"**{first.kind.capitalize()}s** · round {first.round} · by {code(first.seat)}"
    return "\n\n".join([head, *(_review(each) for each in reviews)]) + "\n"


def _review(found: Contribution) -> str:
    title = f"## Of {code(found.about or '?')}"
    if found.failure is not None:
        return f"{title}\n\nNo usable reply.\n\n{quoted(found.failure)}"
    return f"{title}\n\n{_effort(found)}\n\n{_told(found.value) or quoted(found.text)}"


def _sections(value: object, names: Mapping[str, str]) -> str:
    """A reply about several answers at once, by their labels; empty when `value` is no such thing."""
    if not isinstance(value, Mapping) or not all(is_dataclass(each) for each in value.values()):
        return ""
    return "\n\n".join(
        f"## Of {inline(str(label))}" + (f", {code(names[label])}" if label in names else "") + f"\n\n{_told(each)}"
        for label, each in value.items()
    )


def _told(value: object) -> str:
    """The fields of a parsed reply; empty when it has none."""
    if not is_dataclass(value):
        return ""
    told: list[str] = []
    seen: set[str] = set()
    for field in fields(value):
        content, title = getattr(value, field.name), field.name.replace("_", " ").capitalize()
        if isinstance(content, int | float) and not isinstance(content, bool):
            told.append(f"**{title}: {content:g}**")
        elif isinstance(content, str) and content and content not in seen:
            seen.add(content)
            told.append(f"{title}:\n\n{quoted(content)}")
        elif isinstance(content, tuple | list) and content:
            told.append(f"{title}:\n\n" + "\n".join(_item(str(each)) for each in content))
    return "\n\n".join(told)


def _item(text: str) -> str:
    first, *rest = _LINE.split(text)
    return "\n".join([f"- {first}", *(f"  {line}" if line.strip() else "" for line in rest)])


def _effort(found: Contribution) -> str:
    if found.seconds is None:
        return "failed"
    return f"{found.seconds:.1f} s · {tokens(found.usage)} · {money(found.usd, found.list_usd)}"


def _as_written(text: str) -> str:
    """A reply as the rest of a file; JSON in a fence that is longer than any run of backticks in it."""
    if not text.lstrip().startswith(("{", "[{")):
        return text
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}json\n{text}\n{fence}"


def final_page(
    result: Result,
    proposals: Sequence[Contribution],
    prompt: str,
    receipt: Sequence[str] = (),
    names: Mapping[str, str] = {},
) -> str:
    """The whole run on one page. `proposals` are those of the last round in which any were made.

    `names` maps labels to the ids of seats, by which the details of the result are told.
    """
    parts = [
        *_answer(result),
        "## How it was decided",
        _decision(result),
        *_scores(result),
        *_counts(result),
        *_dissent(result),
        *_failures(result),
        *_details(result, names),
        "## Cost",
        _cost(result),
        *receipt,
        *_answers(result),
        *_proposals(result, proposals),
        "## The question",
        quoted(result.prompt),
    ]
    if result.prompt != prompt:
        parts.append("What was sent, with files and sources, is in [prompt.md](prompt.md).")
    return "\n\n".join(parts) + "\n"


def _answer(result: Result) -> list[str]:
    if result.answer is not None:
        return ["# Answer", quoted(result.answer)]
    if result.outcome.answers:
        return ["# No answer was agreed on", "All answers stand below, the best first."]
    return ["# No answer"]


def _decision(result: Result) -> str:
    outcome = result.outcome
    rule = "the rule of the protocol was met" if outcome.met else "the rule of the protocol was not met"
    lines = [f"- **{inline(result.status.replace('_', ' '))}** in round {outcome.round}: {rule}"]
    if outcome.explanation:
        lines.append(
            f"- {inline(outcome.explanation)}" + (f" ({inline(outcome.strategy)})" if outcome.strategy else "")
        )
    if result.winner:
        lines.append(f"- winner: {code(result.winner.model_id)}")
    elif outcome.leader:
        lines.append(f"- ahead: {code(_ids(result).get(outcome.leader, outcome.leader))}")
    if result.dropped:
        lines.append(f"- left the run: {', '.join(code(each) for each in result.dropped)}")
    others = ((seat.model, plain_model(seat.answered_by or "?")) for seat in result.seats if seat.mismatch)
    lines += [f"- asked for {code(asked)}, but {code(answered)} answered" for asked, answered in dict.fromkeys(others)]
    lines.append(f"- {result.protocol}, run {code(result.run_id)}, {result.elapsed_ms / 1000:.1f} s")
    return "\n".join(lines)


def _scores(result: Result) -> list[str]:
    tables = result.outcome.scores
    if not any(tables):
        return []
    last = tables[-1]
    rows = [
        [("★ " if seat.seat == result.outcome.leader else "") + code(seat.model_id)]
        + [f"{table[seat.seat]:.1f}" if seat.seat in table else "-" for table in tables]
        for seat in sorted(result.seats, key=lambda seat: -last.get(seat.seat, 0.0))
        if any(seat.seat in table for table in tables)
    ]
    return ["## Scores", _table(["seat", *(f"round {number}" for number in range(1, len(tables) + 1))], rows)]


def _counts(result: Result) -> list[str]:
    """The count sheets of the last round: a row for each total."""
    counts = result.outcome.counts
    ids = _ids(result)
    rows = [
        [
            count.rule + ("" if count.outcome.met is None else " (met)" if count.outcome.met else " (not met)"),
            ("★ " if total.chosen else "")
            + (inline(total.says) if total.about is None else code(ids.get(total.about, total.about))),
            "-" if total.value is None else f"{total.value:.4g}",
            ", ".join(code(ids.get(seat, seat)) for seat in total.seats),
        ]
        for count in counts
        if (count.round, count.scope) == (counts[-1].round, counts[-1].scope)
        for total in count.outcome.totals
    ]
    return ["## Count", _table(["rule", "answer", "value", "by"], rows, numbers=False)] if rows else []


def _dissent(result: Result) -> list[str]:
    winner = result.outcome.winner
    others = [each for each in _ranked(result) if each.seat != winner]
    if winner is None or not others:
        return []
    ids = _ids(result)
    lines = [
        f"- {code(ids.get(each.seat, each.seat))}{_scored(each)}: "
        + ("the same answer" if each.answer == result.answer else inline(preview(each.answer, 100)))
        for each in others
    ]
    return ["## Dissent", "\n".join(lines)]


def _details(result: Result, names: Mapping[str, str]) -> list[str]:
    """Return the protocol's details: votes, counts, sources."""
    if not result.outcome.details:
        return []
    return ["## Details", _as_written(named(json.dumps(result.outcome.details, ensure_ascii=False, indent=2), names))]


def _failures(result: Result) -> list[str]:
    if not result.failures:
        return []
    rows = [
        [str(each.round), each.phase, code(each.model_id), each.kind, inline(each.message)] for each in result.failures
    ]
    return ["## Failures", _table(["round", "phase", "seat", "kind", "message"], rows, numbers=False)]


def _cost(result: Result) -> str:
    rows = [[code(seat.model_id), str(seat.calls), *_used(seat.usage), _seat_money(seat)] for seat in result.seats]
    total = ["all", str(sum(seat.calls for seat in result.seats)), *_used(result.usage)]
    rows.append([*total, money(result.cost_usd, result.list_usd, result.cost_at_most_usd)])
    return _table(["seat", "replies", "tokens in", "cached", "out", "cost"], rows)


def _seat_money(seat: SeatReport) -> str:
    if seat.billing == "subscription":
        return "covered by a subscription"
    used = seat.calls or seat.cost_usd != 0.0
    return money(seat.cost_usd, at_most=seat.cost_at_most_usd) if used else "-"


def _used(usage: Usage) -> list[str]:
    return [f"{count:,}" for count in (usage.input_tokens, usage.cached_tokens, usage.output_tokens)]


def _answers(result: Result) -> list[str]:
    shown = [each for each in _ranked(result) if each.answer != result.answer]
    if not shown:
        return []
    ids = _ids(result)
    title = "## The other answers in full" if result.answer is not None else "## The answers in full"
    return [
        title,
        *(f"### {code(ids.get(each.seat, each.seat))}{_scored(each)}\n\n{quoted(each.answer)}" for each in shown),
    ]


def _proposals(result: Result, proposals: Iterable[Contribution]) -> list[str]:
    """Proposals that stand nowhere above: where the outcome's answers are something else, e.g. syntheses."""
    above = {result.answer, *(each.answer for each in result.outcome.answers)}
    left = [each for each in proposals if each.text not in above]
    if not left:
        return []
    return [
        f"## Proposals of round {left[0].round}",
        *(f"### {code(each.seat)}\n\n{quoted(each.text)}" for each in left),
    ]


def _scored(candidate: Candidate) -> str:
    return f", mean score {candidate.score:.1f}" if candidate.score is not None else ", not scored"


def _ranked(result: Result) -> list[Candidate]:
    return sorted(result.outcome.answers, key=lambda each: -(each.score or 0.0))


def _ids(result: Result) -> dict[str, str]:
    return {seat.seat: seat.model_id for seat in result.seats}


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: bool = True) -> str:
    """A table whose columns, but for the first, hold numbers."""
    rule = ["---", *("---:" if numbers else "---" for _ in head[1:])]
    return "\n".join(
        f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in (head, rule, *rows)
    )
