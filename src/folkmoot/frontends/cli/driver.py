"""Run a job for the command line: signals, views, output streams and the exit code."""

import asyncio
import json
import logging
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from folkmoot import events
from folkmoot.errors import FolkmootError, InputError
from folkmoot.execute import replay
from folkmoot.frontends.terminal_people import TerminalPeople
from folkmoot.machine.config import config_path, load_config, with_credentials
from folkmoot.record.store import Home, RunFolder
from folkmoot.running.runs import Machine, everybody
from folkmoot.types import JSON, Result

T = TypeVar("T")

SIGNAL_CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}


@dataclass(frozen=True)
class Screen:
    """The output settings that the user gave."""

    format: str = "text"  # of standard output: text, json, jsonl
    quiet: bool = False
    verbose: bool = False
    debug: bool = False
    raw: bool = False

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> "Screen":
        return cls(given["output_format"], given["quiet"], given["verbose"], given["debug"], given["raw"])


class Interrupted(FolkmootError):
    """The user asked the run to end."""

    def __init__(self, number: signal.Signals) -> None:
        super().__init__(f"ended by {number.name}")
        self.code = SIGNAL_CODES[number]


def this_machine() -> Machine:
    """The environment, with the credentials of .env; the configuration; the home of the runs; who sits here."""
    environ = with_credentials(os.environ, Path.cwd(), lambda warning: click.echo(f"folkmoot: {warning}", err=True))
    return Machine(environ, load_config(config_path(environ)), Home.of(environ), people=TerminalPeople.here())


def carry_out(
    start: Callable[[Sequence[events.Listener]], Awaitable[Result]],
    machine: Machine,
    screen: Screen,
    listeners: Sequence[events.Listener] = (),
) -> int:
    """Run to the end or to Ctrl-C, show the result, and return the exit code."""
    set_up_logging(screen)
    seen = _Seen()
    with ExitStack() as stack:
        watching: list[events.Listener] = [seen, *listeners]
        if screen.format == "jsonl":
            watching.append(print_event)
        if screen.raw:
            watching.append(_print_reply)
        if not screen.quiet:
            watching.append(stack.enter_context(_View(screen)))
        try:
            result = run_until_signal(start(watching), machine)
        except Interrupted as interrupted:
            stack.close()
            return _interrupted(interrupted, seen, screen)
        except BrokenPipeError:
            stack.close()
            if seen.folder is not None:
                run = RunFolder(Path(seen.folder)).id
                click.echo(f"folkmoot: output pipe closed; continue with: folkmoot resume {run}", err=True)
            raise
    return present(result, screen)


def run_until_signal(work: Awaitable[T], machine: Machine) -> T:
    """Run `work` to its end.

    A first SIGINT or SIGTERM cancels it and leaves children half a second, a second one kills them at once; both times
    the record is closed. A third one ends this process without that.
    """
    received: list[signal.Signals] = []
    cancel: list[Callable[[], object]] = []

    def stop(number: int, _: object) -> None:
        machine.shutdown.hurry = True
        received.append(signal.Signals(number))
        if len(received) > 2:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        with suppress(RuntimeError):  # the loop is closed: what follows is only said
            cancel[0]()

    async def guarded() -> T:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None
        cancel.append(lambda: loop.call_soon_threadsafe(task.cancel))
        # Not the loop's handlers: they are gone with the loop, and a second signal would cut off the last line.
        before.update({number: signal.signal(number, stop) for number in SIGNAL_CODES})
        return await work

    before: dict[signal.Signals, Any] = {}
    try:
        return asyncio.run(guarded())
    except asyncio.CancelledError:
        if received:
            raise Interrupted(received[0]) from None
        raise
    finally:
        if not received:
            for number, handler in before.items():
                signal.signal(number, handler)


def present(result: Result, screen: Screen) -> int:
    """Print the answer to standard output and the report to standard error."""
    from folkmoot.proof.receipt import receipt_of
    from folkmoot.render.as_json import error_json, result_json
    from folkmoot.render.text import answer_text, report_text
    from folkmoot.render.wording import visible

    failed = result.exit_code in (1, 3) and result.answer is None
    if screen.format != "text":
        code = "insufficient_models" if result.status == "insufficient_models" else "phase_failure"
        last = result.failures[-1] if result.failures else None
        shown = (
            error_json(
                code, result.outcome.explanation, provider=last.model_id if last else None,
                round=result.outcome.round, phase=last.phase if last else None, retryable=code == "phase_failure",
                failures=result.failures,
            ) | {"all_answers": result_json(result)["all_answers"], "run_id": result.run_id}
            if failed
            else result_json(result, receipt_of(result))
        )  # fmt: skip
        _print_json(shown, screen)
        return result.exit_code
    if answer := answer_text(result):
        click.echo(visible(answer) if sys.stdout.isatty() else answer)
    sys.stdout.flush()
    if not screen.quiet:
        names = RunFolder(Path(result.folder)).spec().names if result.folder else {}
        click.echo(report_text(result, colour=use_colour(sys.stderr), names=names), err=True)
    return result.exit_code


def use_colour(stream: Any) -> bool:
    """Colour only for people: on a terminal, and unless NO_COLOR is set."""
    return bool(stream.isatty()) and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def set_up_logging(screen: Screen) -> None:
    if not (screen.verbose or screen.debug):
        logging.getLogger("folkmoot.run").setLevel(logging.CRITICAL)  # what goes wrong is shown by the view
    else:
        logging.basicConfig(stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
        logging.getLogger("folkmoot").setLevel(logging.DEBUG if screen.debug else logging.INFO)


class _View(ExitStack):
    """The view that fits a run, chosen when its seats are known."""

    def __init__(self, screen: Screen) -> None:
        super().__init__()
        self._screen = screen
        self._early: list[events.Event] = []
        self._chosen: events.Listener | None = None

    def __call__(self, event: events.Event) -> None:
        if self._chosen is None:
            self._early.append(event)
            if not isinstance(event, events.RunStarted):
                return
            view: AbstractContextManager[events.Listener] = _view(self._screen, _asks_here(event))
            self._chosen = self.enter_context(view)
            for each in self._early:
                self._chosen(each)
        else:
            self._chosen(event)


def _view(screen: Screen, asks_here: bool) -> AbstractContextManager[events.Listener]:
    colour = use_colour(sys.stderr)
    if asks_here:
        from folkmoot.render.blind import BlindView

        return BlindView(sys.stderr, colour=colour)
    torn = screen.format == "jsonl" and sys.stdout.isatty()  # both would write to the same lines
    dumb = not sys.stderr.isatty() or os.environ.get("TERM") == "dumb"
    if torn or dumb or screen.raw or screen.verbose or screen.debug:
        from folkmoot.render.plain import PlainView

        return PlainView(sys.stderr, colour=colour)
    from folkmoot.render.terminal import TerminalView

    return TerminalView(sys.stderr, colour=colour)


def _asks_here(started: events.RunStarted) -> bool:
    """Whether somebody at this terminal has a seat, in the run or in a panel inside it."""
    if not sys.stderr.isatty():
        return False
    seats = everybody(RunFolder(Path(started.folder)).spec()) if started.folder else started.seats
    return any(seat.provider == "human" for seat in seats)


def _print_reply(event: events.Event) -> None:
    if isinstance(event, events.CallFinished):
        from folkmoot.render.wording import visible

        click.echo(f"=== {event.step}\n{visible(event.text)}\n", err=True)


class _Seen:
    """Remembers which run this is, for the message after Ctrl-C."""

    folder: str | None = None

    def __call__(self, event: events.Event) -> None:
        if isinstance(event, events.RunStarted):
            self.folder = event.folder


def _interrupted(interrupted: Interrupted, seen: _Seen, screen: Screen) -> int:
    """Show the best answer on record and how to go on."""
    if seen.folder is None:
        click.echo("folkmoot: interrupted before anything was asked", err=True)
        return interrupted.code
    folder = RunFolder(Path(seen.folder))
    result = asyncio.run(replay(folder.spec(), folder, ended="cancelled"))
    if screen.format == "text":
        present(result, screen)
    else:
        from folkmoot.render.as_json import result_json

        _print_json(result_json(result), screen)
    click.echo(f"folkmoot: interrupted, and nothing is lost: folkmoot resume {folder.id}", err=True)
    return interrupted.code


def result_writer(path: Path, shown: Callable[[Result], JSON]) -> events.Listener:
    """A listener that writes the result to `path`, as `shown` says. Raises InputError where nothing can be written.

    Where it cannot be written in the end, a line says so: the answer is paid for and still to be shown.
    """
    if not path.absolute().parent.is_dir():
        raise InputError(f"--output {path}: there is no folder {path.parent}")
    if path.is_dir():
        raise InputError(f"--output {path}: this is a folder; name a file")
    if not os.access(path if path.exists() else path.absolute().parent, os.W_OK):
        raise InputError(f"--output {path}: it cannot be written")

    def write(event: events.Event) -> None:
        if isinstance(event, events.RunFinished):
            try:
                path.write_text(json.dumps(shown(event.result), ensure_ascii=False, indent=2) + "\n", "utf-8")
            except OSError as error:
                click.echo(f"folkmoot: --output {path}: {error.strerror or error}", err=True)

    return write


def print_event(event: events.Event) -> None:
    """One line of JSON for whatever happens but pieces of text; the result comes last, in its own shape."""
    if not isinstance(event, events.RunFinished | events.TextDelta):
        click.echo(json.dumps(events.as_json(event), ensure_ascii=False))


def _print_json(value: JSON, screen: Screen) -> None:
    if screen.format == "jsonl":
        click.echo(json.dumps({"event": "result", **value}, ensure_ascii=False))
    else:
        click.echo(json.dumps(value, ensure_ascii=False, indent=2))
