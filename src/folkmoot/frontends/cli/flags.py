"""Command-line flags: of a protocol (made from its options), of every run, and of single seats."""

import types
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

import click
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from folkmoot import textfiles
from folkmoot.errors import InputError
from folkmoot.machine.seats import find_seat
from folkmoot.protocols import Options
from folkmoot.types import Seat

OUTPUT_FORMATS = ("text", "json", "jsonl")

RUN_FLAGS: tuple[click.Parameter, ...] = (
    click.Argument(["prompt"], required=False),
    click.Option(
        ["-m", "--models"], multiple=True, metavar="LIST",
        help="Seats: provider/model, comma-separated or repeated; model*2 takes two seats.",
    ),
    click.Option(["-n", "--count"], type=int, default=1, metavar="N", help="Seats for each model that names no count."),
    click.Option(
        ["--stdin/--no-stdin"], default=None, help="Add what is piped in after the prompt. `-` alone reads the prompt."
    ),
    click.Option(
        ["-f", "--file", "files"], multiple=True, type=click.Path(path_type=Path),
        help="Send a file along: text, image or PDF. Repeatable.",
    ),
    click.Option(["--budget"], type=float, metavar="USD", help="Stop before the run costs more."),
    click.Option(["--max-calls"], type=int, metavar="N", help="Stop before the run makes more calls."),
    click.Option(["--timeout"], type=float, metavar="SECONDS", help="For one call with its retries."),
    click.Option(
        ["--idle-timeout"], type=float, default=120.0, show_default=True, metavar="SECONDS",
        help="Longest silence of a seat that streams; 0 for no limit.",
    ),
    click.Option(
        ["--retries"], type=int, default=2, show_default=True, metavar="N", help="After a failure that may pass."
    ),
    click.Option(["--max-concurrent"], type=int, default=0, metavar="N", help="Calls at once; 0 for no limit."),
    click.Option(["--role"], multiple=True, metavar="SEAT=TEXT", help="A stance for one seat."),
    click.Option(["--system"], multiple=True, metavar="[SEAT=]TEXT", help="A system prompt; @FILE reads one."),
    click.Option(["--temperature"], multiple=True, metavar="[SEAT=]T", help="Sampling temperature."),
    click.Option(["--effort"], multiple=True, metavar="[SEAT=]LEVEL", help="none, minimal, low, medium, high, xhigh."),
    click.Option(["--max-tokens"], multiple=True, metavar="[SEAT=]N", help="Longest reply."),
    click.Option(["--weight"], multiple=True, metavar="SEAT=W", help="Votes that a seat's vote counts as, if weighed."),
    click.Option(["--seed"], type=int, default=0, help="Labels, orders and simulated seats follow from it."),
    click.Option(
        ["--recording", "recordings"], multiple=True, type=click.Path(path_type=Path),
        help="Recorded answers, for recorded/<model> seats. Repeatable.",
    ),
    click.Option(["--allow-tools"], multiple=True, metavar="LIST", help="Tools that agent CLIs may use."),
    click.Option(["--pass-env"], multiple=True, metavar="NAMES", help="Variables that agent CLIs may see."),
    click.Option(["--output-dir"], type=click.Path(path_type=Path), help="Write every reply there as the run goes."),
    click.Option(
        ["--output"], type=click.Path(path_type=Path, dir_okay=False), help="Write the result as JSON to this file too."
    ),
    click.Option(["--dry-run"], is_flag=True, help="Estimate calls, tokens and cost; ask nobody."),
)  # fmt: skip

SEAT_FLAGS = tuple(
    flag for flag in RUN_FLAGS if flag.name in ("role", "system", "temperature", "effort", "max_tokens", "weight")
)

VIEW_FLAGS: tuple[click.Parameter, ...] = (
    click.Option(
        ["-o", "--output-format"], type=click.Choice(OUTPUT_FORMATS), default="text", show_default=True,
        help="What goes to standard output.",
    ),
    click.Option(["-q", "--quiet"], is_flag=True, help="Show nothing but the answer."),
    click.Option(["--raw"], is_flag=True, help="Show every reply in full, on standard error."),
    click.Option(["-v", "--verbose"], is_flag=True, help="Plain lines and log messages instead of the live view."),
    click.Option(["--debug"], is_flag=True, help="Log everything but keys."),
)  # fmt: skip


def option_flags(options: type[Options]) -> list[click.Parameter]:
    """A click option for each field of a protocol's options, and for each value that has a flag of its own."""
    fields = options.model_fields.items()
    return [each for name, field in fields for each in (_flag(name, field), *_value_flags(name, field))]


def chosen_options(options: type[Options], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the protocol options that were given; defaults stay with the protocol."""
    return {name: given[name] for name in options.model_fields if given.get(name) not in (None, ())}


def seats_of_each(given: Mapping[str, Any]) -> int:
    """How many seats each model gets that names no count."""
    count: int = given["count"]
    if not 1 <= count <= 1000:
        raise InputError("--count must be from 1 to 1000")
    return count


def split(written: Sequence[str]) -> tuple[str, ...]:
    return tuple(word.strip() for each in written for word in each.split(",") if word.strip())


def dress(seats: Sequence[Seat], given: Mapping[str, Any]) -> tuple[Seat, ...]:
    """Return the seats with the settings that flags give to all of them or to single ones."""
    changes: dict[str, dict[str, Any]] = {seat.name: {} for seat in seats}
    problems: list[str] = []
    for flag, field, read, must_name in _SEAT_FLAGS:
        for written in given.get(flag) or ():
            try:
                chosen, text = _addressed(seats, written, must_name)
                for seat in chosen:
                    changes[seat.name][field] = read(text)
            except InputError as error:
                problems += [f"--{flag.replace('_', '-')}: {problem}" for problem in error.problems]
            except ValueError:
                problems.append(f"--{flag.replace('_', '-')}: {written!r} has no value this can be")
    if problems:
        raise InputError(*problems)
    try:
        return tuple(Seat.model_validate({**seat.model_dump(), **changes[seat.name]}) for seat in seats)
    except ValidationError as error:
        lines = (f"--{'.'.join(map(str, each['loc'])).replace('_', '-')}: {each['msg']}" for each in error.errors())
        raise InputError(*dict.fromkeys(lines)) from None


def _addressed(seats: Sequence[Seat], written: str, must_name: bool) -> tuple[Sequence[Seat], str]:
    """SEAT=VALUE means one seat, VALUE all of them: an equals sign is only an address after the name of a seat."""
    name, equals, text = written.partition("=")
    if equals:
        try:
            return [find_seat(seats, name)], text
        except InputError:
            if must_name:
                raise
    if must_name:
        raise InputError(f"{written!r}: write SEAT=VALUE")
    return seats, written


def _text_or_file(text: str) -> str:
    return textfiles.read(Path(text[1:])) if text.startswith("@") else text


def _effort(text: str) -> str:
    if text not in (levels := get_args(_EFFORT)):
        raise InputError(f"{text!r} is none of {', '.join(levels)}")
    return text


_EFFORT = Literal["none", "minimal", "low", "medium", "high", "xhigh"]

_SEAT_FLAGS: tuple[tuple[str, str, Callable[[str], Any], bool], ...] = (
    ("role", "role", str, True),
    ("system", "system", _text_or_file, False),
    ("temperature", "temperature", float, False),
    ("effort", "effort", _effort, False),
    ("max_tokens", "max_tokens", int, False),
    ("weight", "weight", float, True),
)


def _flag(name: str, field: FieldInfo) -> click.Option:
    extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    spelled = [f"--{name.replace('_', '-')}", *[str(each) for each in extra.get("flags", ()) or ()]]  # type: ignore[union-attr]
    kind = _plain_type(field.annotation)
    limits = [str(getattr(rule, bound)) for rule in field.metadata for bound in ("ge", "le") if hasattr(rule, bound)]
    shown = f"  [default: {field.default}{'; ' + ' to '.join(limits) if len(limits) == 2 else ''}]"
    help = f"{field.description or ''}{shown if field.default not in (None, ()) else ''}"
    if kind is bool:
        return click.Option([*spelled, name], is_flag=True, default=None, help=help)
    if get_origin(kind) is tuple:
        return click.Option([*spelled, name], multiple=True, default=None, help=help, metavar="LIST")
    if get_origin(kind) is Literal:
        return click.Option([*spelled, name], type=click.Choice([str(each) for each in get_args(kind)]), help=help)
    return click.Option([*spelled, name], type=kind if kind in (int, float) else str, help=help)


def _value_flags(name: str, field: FieldInfo) -> list[click.Option]:
    extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    values: Any = extra.get("values", {})
    return [click.Option([flag, name], flag_value=value, help=f"--{name} {value}") for flag, value in values.items()]


def _plain_type(annotation: Any) -> Any:
    """The type without `| None`."""
    if get_origin(annotation) in (Union, types.UnionType):
        return next(each for each in get_args(annotation) if each is not type(None))
    return annotation
