"""Reading lines from somebody at a terminal: history, completion, several lines, Ctrl-C and Ctrl-D."""

import contextlib
import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.history import FileHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.output import create_output

Complete = Callable[[str], list[str]]
"""What may stand in place of the last word of a line."""


def typed_lines(history: Path, complete: Complete, label: Callable[[], str]) -> Iterator[str]:
    """Yield the user's entries until Ctrl-D, or Ctrl-C twice on an empty line.

    Enter ends an entry, Alt-Enter breaks its line, and what is pasted may have several lines. Tab completes.
    """
    session: PromptSession[str] = PromptSession(
        history=FileHistory(str(_private(history))),
        completer=_Words(complete),
        complete_while_typing=False,
        multiline=True,
        prompt_continuation="  ",
        key_bindings=_keys(),
        enable_history_search=True,
        enable_suspend=True,
        output=None if sys.stdout.isatty() else create_output(stdout=sys.stderr),  # answers alone go into a file
    )
    leaving = False
    while True:
        try:
            with _ended_by_sigterm(session):
                line = session.prompt(label())
        except KeyboardInterrupt:
            if leaving:
                return
            leaving = not session.app.current_buffer.text
            continue
        except EOFError:
            return
        leaving = False
        yield line


class _Terminated(Exception):
    """SIGTERM came while a line was awaited."""


@contextlib.contextmanager
def _ended_by_sigterm(session: "PromptSession[str]") -> Iterator[None]:
    """SIGTERM ends the prompt as an exception does, so that the terminal is left as it was; then the program."""

    def end(number: int, _: object) -> None:
        if session.app.loop is None:
            raise SystemExit(128 + number)
        session.app.loop.call_soon_threadsafe(lambda: session.app.exit(exception=_Terminated()))

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    except _Terminated:
        raise SystemExit(128 + signal.SIGTERM) from None
    finally:
        signal.signal(signal.SIGTERM, before)


class _Words(Completer):
    def __init__(self, complete: Complete) -> None:
        self._complete = complete

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        before = document.text_before_cursor
        last = before.rpartition(" ")[2].rpartition(",")[2]
        for word in self._complete(before):
            yield Completion(word, start_position=-len(last))


def _keys() -> KeyBindings:
    keys = KeyBindings()

    @keys.add("enter")
    def _(event: KeyPressEvent) -> None:
        event.current_buffer.validate_and_handle()

    @keys.add("escape", "enter")
    def _(event: KeyPressEvent) -> None:
        event.current_buffer.insert_text("\n")

    return keys


def _private(path: Path) -> Path:
    """The history's file, made if need be, for nobody but its owner."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
    path.chmod(0o600)
    return path
