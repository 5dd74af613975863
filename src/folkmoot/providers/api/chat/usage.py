"""The tokens of a call, as servers count them: in one chunk, in every chunk, in fractions, as texts or not at all."""

import math
from collections.abc import Iterator, Mapping

from folkmoot.types import Usage

_MOST = 10**12  # a larger count is no count

# Ours -> the names under which servers report it; `a.b` is `b` inside `a`. The first one that is there counts.
_NAMES: Mapping[str, tuple[str, ...]] = {
    "input": ("prompt_tokens", "input_tokens", "prompt_token_count", "prompt_eval_count"),
    "output": ("completion_tokens", "output_tokens", "completion_token_count", "eval_count"),
    "total": ("total_tokens", "total_token_count"),
    "cached": (
        "prompt_tokens_details.cached_tokens", "input_tokens_details.cached_tokens", "prompt_cache_hit_tokens",
        "cached_tokens", "cache_read_input_tokens",
    ),
    "cache_write": ("prompt_tokens_details.cache_write_tokens", "cache_creation_input_tokens"),
    "reasoning": (
        "completion_tokens_details.reasoning_tokens", "output_tokens_details.reasoning_tokens", "reasoning_tokens",
    ),
}  # fmt: skip


class Tokens:
    """Counts the tokens of one reply. Of several reports the largest number of each kind counts, never their sum."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self.billed: float | None = None  # USD

    def hear(self, report: object) -> None:
        """Take in a `usage` object; anything else is ignored."""
        if not isinstance(report, dict):
            return
        for ours, names in _NAMES.items():
            count = next(filter(None, (_count(_at(report, name)) for name in names)), None)
            # A count of zero is kept where nothing else is known.
            if count is None and any(_count(_at(report, name)) == 0 for name in names):
                count = 0
            if count is not None:
                self._counts[ours] = max(count, self._counts.get(ours, 0))
        cost = report.get("cost")
        if isinstance(cost, int | float) and not isinstance(cost, bool) and math.isfinite(cost) and cost >= 0:
            self.billed = max(float(cost), self.billed or 0.0)

    def usage(self) -> Usage | None:
        """The usage; None where the tokens in or the tokens out are not known."""
        given, written, total = (self._counts.get(name) for name in ("input", "output", "total"))
        if total is not None:
            if written is None and given is not None:
                written = max(0, total - given)
            elif given is None and written is not None:
                given = max(0, total - written)
        if given is None or written is None or not (given or written):
            return None
        reasoning = self._counts.get("reasoning", 0)
        if reasoning and total == given + written + reasoning:  # xAI counts reasoning beside the answer
            written += reasoning
        cached = min(self._counts.get("cached", 0), given)
        return Usage(
            input_tokens=given,
            output_tokens=written,
            cached_tokens=cached,
            cache_write_tokens=min(self._counts.get("cache_write", 0), given - cached),
            reasoning_tokens=min(reasoning, written),
        )


def reports(chunk: Mapping[str, object]) -> Iterator[object]:
    """The usage objects of a chunk, which some servers put into a choice or under a name of their own."""
    yield chunk.get("usage")
    groq = chunk.get("x_groq")
    if isinstance(groq, dict):
        yield groq.get("usage")


def _at(report: Mapping[str, object], path: str) -> object:
    name, _, inner = path.partition(".")
    found = report.get(name)
    if not inner:
        return found
    return found.get(inner) if isinstance(found, dict) else None


def _count(value: object) -> int | None:
    """A count of tokens, rounded up; None for what is none: null, negative, infinite, a text without a number.

    >>> _count(5.5), _count("12"), _count(-1), _count(None), _count(True)
    (6, 12, None, None, None)
    """
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _MOST:
        return None
    return math.ceil(value)
