"""The command line. Nothing is imported that the command at hand does not need: `--help` starts at once."""

import contextlib
import gc
import os
import sys
from typing import NoReturn

import click

from folkmoot.errors import FolkmootError, InputError
from folkmoot.frontends.cli.group import FolkmootGroup

EXIT_INPUT = 4


@click.group(cls=FolkmootGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="folkmoot", prog_name="folkmoot", message="%(prog)s %(version)s")
def folkmoot() -> None:
    """Ask several models the same question; get one answer, and the whole record of how it came about."""


def main() -> None:
    """Run a command and exit. Every error is a line for its reader; none is a traceback."""
    gc.set_threshold(100_000, 20, 20)  # vendors' libraries make many objects at import, none of them garbage
    try:
        code = folkmoot.main(standalone_mode=False)
    except InputError as error:
        _complain(*error.problems)
        code = EXIT_INPUT
    except click.ClickException as error:
        _show(error)
        code = EXIT_INPUT
    except click.Abort:
        code = 130
    except FolkmootError as error:
        _complain(str(error))
        code = 1
    except BrokenPipeError:  # whoever read our output has left; nothing is wrong
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    _leave(code if isinstance(code, int) else 0)


def _leave(code: int) -> NoReturn:
    """Exit. Where a vendor's library was loaded, without Python's taking it apart piece by piece, which takes 0.2 s."""
    if "pydantic_ai" not in sys.modules or "opentelemetry.sdk" in sys.modules:
        sys.exit(code)
    from folkmoot.background import flush

    flush()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(BrokenPipeError):
            stream.flush()
    os._exit(code)


def _show(error: click.ClickException) -> None:
    """A usage error for its reader: a program that asked for JSON gets JSON."""
    if {"json", "jsonl", "-ojson", "-ojsonl", "--output-format=json", "--output-format=jsonl"} & set(sys.argv):
        import json

        from folkmoot.render.as_json import error_json

        click.echo(json.dumps(error_json("config_invalid", error.format_message()), indent=2))
    else:
        error.show()


def _complain(*lines: str) -> None:
    for line in lines:
        click.echo(f"folkmoot: {line}", err=True)
