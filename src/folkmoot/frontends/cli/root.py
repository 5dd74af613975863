"""The command `folkmoot`: its group of commands, and how it ends. Nothing is imported that a command does not need."""

import contextlib
import gc
import io
import os
import sys
from collections.abc import Sequence
from itertools import pairwise
from typing import NoReturn

import click

from folkmoot._version import __version__
from folkmoot.errors import FolkmootError, InputError
from folkmoot.frontends.cli.group import FolkmootGroup
from folkmoot.frontends.cli.overview import ABOUT

EXIT_INPUT = 4


@click.group(cls=FolkmootGroup, help=ABOUT, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="folkmoot", message="%(prog)s %(version)s")
def folkmoot() -> None:
    pass


def run() -> None:
    """Run a command and exit. Every error is a line for its reader; none is a traceback."""
    if any(name.endswith("MOOT_COMPLETE") for name in os.environ):  # a shell wants to know what may come next
        from folkmoot.frontends.cli.completion import answer, asked

        if program := asked(os.environ):
            sys.exit(answer(folkmoot, program))
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:  # closed by whoever started us
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: PTH123, SIM115
    _speak_utf8()
    gc.set_threshold(100_000, 20, 20)  # vendors' libraries make many objects at import, none of them garbage
    try:
        code = folkmoot.main(standalone_mode=False)
    except InputError as error:
        code = _complain("config_invalid", EXIT_INPUT, *error.problems)
    except click.ClickException as error:
        code = _complain("config_invalid", EXIT_INPUT, error.format_message(), usage=error)
    except click.Abort:
        code = 130
    except FolkmootError as error:
        code = _complain("failed", 1, str(error))
    except SystemExit as left:
        unread = "PacifyFlush" in type(sys.stdout).__name__  # the reader of our output has closed the pipe
        code = 0 if unread else left.code
    except BrokenPipeError:  # the reader of our output has closed the pipe; this is no error
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except OSError as error:  # a full disk, a folder that cannot be written
        where = f"{error.filename}: " if error.filename else ""
        code = _complain("failed", 1, f"{where}{error.strerror or error}")
    _leave(code if isinstance(code, int) else 0)


def _speak_utf8() -> None:
    """Let every character of an answer be printed, whatever the locale: the answer is paid for.

    Files and pipes get UTF-8. A terminal gets its own encoding, with escapes for what that lacks.
    """
    for stream in (sys.stdout, sys.stderr):
        encoding = (getattr(stream, "encoding", None) or "utf-8").lower().replace("_", "-")
        if encoding in ("utf-8", "utf8") or not isinstance(stream, io.TextIOWrapper):
            continue
        if stream.isatty():
            stream.reconfigure(errors="backslashreplace")
        else:
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")


def _leave(code: int) -> NoReturn:
    """Exit. Where a vendor's library was loaded, without Python's taking it apart piece by piece, which takes 0.2 s."""
    if "pydantic_ai" not in sys.modules or "opentelemetry.sdk" in sys.modules:
        sys.exit(code)
    from folkmoot.record.writer_thread import flush

    flush()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(BrokenPipeError):
            stream.flush()
    os._exit(code)


def _complain(code: str, exit_code: int, *lines: str, usage: click.ClickException | None = None) -> int:
    """Say what is wrong: to a person on standard error, to a program that asked for JSON on standard output."""
    if _wants_json(sys.argv[1:]):
        import json

        from folkmoot.render.as_json import error_json

        click.echo(json.dumps(error_json(code, "\n".join(lines)), ensure_ascii=False, indent=2))
    elif usage is not None:
        usage.show()
    else:
        for line in lines:
            click.echo(f"folkmoot: {line}", err=True)
    return exit_code


def _wants_json(words: Sequence[str]) -> bool:
    """Whether the command line asks for JSON, also where it is wrong otherwise.

    >>> _wants_json(["ask", "json", "--nope"]), _wants_json(["show", "-o", "json"]), _wants_json(["show", "-ojsonl"])
    (False, True, True)
    """
    spelled = [f"{flag}={word}" for flag, word in pairwise(words)] + [word.replace("-o", "-o=", 1) for word in words]
    return any(
        each in spelled or each in words
        for each in ("-o=json", "-o=jsonl", "--output-format=json", "--output-format=jsonl")
    )
