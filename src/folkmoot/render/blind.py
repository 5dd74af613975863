"""A run on the screen of a person who has a seat in it: how far it is, and nothing of who says what.

A seat must not know whose answer it judges, nor what others say before it has answered. What was said is shown when
the run has ended.
"""

from collections import Counter
from types import TracebackType

from folkmoot import events
from folkmoot.core.steps import read_step
from folkmoot.render.wording import Stream, one_line, paint


class BlindView:
    """A listener that writes rounds, phases and how many have answered to `stream`, line by line."""

    def __init__(self, stream: Stream, *, colour: bool = False) -> None:
        self._stream, self._colour = stream, colour
        self._answered: Counter[tuple[str, int, str]] = Counter()  # by scope, round and phase
        self._failed: Counter[tuple[str, int, str]] = Counter()

    def __enter__(self) -> "BlindView":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing to tidy up."""

    def __call__(self, event: events.Event) -> None:
        match event:
            case events.RunStarted():
                self._write("  A person has a seat here, so who says what is shown when the run has ended.")
            case events.RoundStarted():
                scope = f" ({event.scope.rstrip('/')})" if event.scope else ""
                self._write(paint(f"  Round {event.round}/{event.total}{scope}", "strong", self._colour))
            case events.CallFinished():
                self._answered[read_step(event.step)[:3]] += 1
            case events.CallFailed():
                self._failed[read_step(event.step)[:3]] += 1
            case events.PhaseFinished():
                place = (event.scope, event.round, event.phase)
                failed = f", {self._failed[place]} without a reply" if self._failed[place] else ""
                replies = "1 reply" if self._answered[place] == 1 else f"{self._answered[place]} replies"
                self._write(f"    {event.phase}: {replies}{failed}")
            case events.Notice():
                self._write(f"  {one_line(event.message)}")

    def _write(self, line: str) -> None:
        self._stream.write(f"{line}\n")
        self._stream.flush()
