"""`folkmoot panel`: seats, a protocol and its options, saved under a name. And each panel as a command of its own."""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from folkmoot import textfiles
from folkmoot.errors import InputError
from folkmoot.frontends.cli.command_names import reserved_names
from folkmoot.frontends.cli.driver import this_machine
from folkmoot.frontends.cli.flags import (
    RUN_FLAGS,
    SEAT_FLAGS,
    chosen_options,
    dress,
    option_flags,
    seats_of_each,
    split,
)
from folkmoot.frontends.cli.protocol import protocol_command
from folkmoot.machine.panels import Panel, changed_panel, make_panel, missing, panel_toml, parse_panel
from folkmoot.machine.seats import parse_models
from folkmoot.protocols import find_protocol
from folkmoot.render.wording import counted, one_line
from folkmoot.running.planning import DEFAULT_PROTOCOL, check_panel
from folkmoot.running.runs import Machine
from folkmoot.types import JSON, Seat

NAME = click.Argument(["name"])
FORCE = click.Option(["--force"], is_flag=True, help="Replace a panel of that name.")
FORMAT = click.Option(["-o", "--output-format"], type=click.Choice(["text", "json"]), default="text", show_default=True)
SET = click.Option(
    ["--set", "changes"], multiple=True, metavar="KEY=VALUE",
    help="protocol=vote, budget=1, options.rounds=3, seats.2.role=skeptic. Repeatable. Without it, your editor opens.",
)  # fmt: skip


def panel_command(name: str) -> click.Command:
    """`folkmoot NAME "question"`: the panel as it was saved, with the flags of its protocol."""
    return protocol_command(this_machine().panels[name].protocol or DEFAULT_PROTOCOL, panel=name)


class _SaveCommand(click.Command):
    """Takes the flags of the protocol that its --protocol names."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        self.params = [*_SAVED, *option_flags(find_protocol(_protocol_in(args)).options)]
        return super().parse_args(ctx, args)


def _protocol_in(args: Sequence[str]) -> str:
    for at, word in enumerate(args):
        if word in ("-p", "--protocol") and at + 1 < len(args):
            return args[at + 1]
        if word.startswith("--protocol="):
            return word.partition("=")[2]
        if word.startswith("-p") and not word.startswith("--") and len(word) > 2:
            return word[2:]
    return DEFAULT_PROTOCOL


def _save(name: str, protocol: str, models: Sequence[str], force: bool, **given: Any) -> int:
    """Save a panel under a name, after checking all of it."""
    machine = this_machine()
    words = split(models)
    if not words:
        raise InputError("--models names no model")
    count = seats_of_each(given)
    seats = parse_models(words, panels=machine.panels, servers=machine.config.providers, count=count)
    dressed = dress(seats, given)
    plain = dressed == seats and count == 1
    panel = make_panel(
        {
            "description": given["description"] or "",
            "protocol": protocol,
            "options": chosen_options(find_protocol(protocol).options, given),
            "models": words if plain else (),
            "seats": () if plain else [_line(seat) for seat in dressed],
            **{key: given[key] for key in ("budget", "max_calls", "timeout") if given[key] is not None},
        },
        name,
    )
    return _keep(name, panel, machine, force=force)


def _line(seat: Seat) -> JSON:
    fields = ("model", "role", "system", "temperature", "effort", "max_tokens")
    return {name: getattr(seat, name) for name in fields} | {"weight": seat.weight if seat.weight != 1 else None}


def _keep(name: str, panel: Panel, machine: Machine, *, force: bool) -> int:
    """Check and write a panel, and say how to call it."""
    if name in machine.panels and not force:
        raise InputError(f"there is a panel {name!r} already; --force replaces it")
    check_panel(name, panel, machine, sorted(reserved_names()))
    path = machine.panels.save(name, panel)
    click.echo(f'saved {path}\nask it: folkmoot {name} "..."', err=True)
    return 0


def _list(output_format: str) -> int:
    """The panels, by name."""
    panels = this_machine().panels
    shown: list[dict[str, Any]] = []
    for name in panels:
        try:
            panel = panels[name]
        except InputError as error:
            shown.append({"name": name, "error": "; ".join(error.problems)})
            continue
        shown.append({"name": name, **_plain(panel)})
    if output_format == "json":
        click.echo(json.dumps(shown, ensure_ascii=False, indent=2))
        return 0
    if not shown:
        click.echo("no panels yet; try: folkmoot panel save trio -m sim --protocol vote", err=True)
    for each in shown:
        seats = each.get("error") or ", ".join([*each["models"], *(seat["model"] for seat in each["seats"])])
        click.echo(f"{each['name']:16} {each.get('protocol') or '-':11} {one_line(each.get('description') or seats)}")
    return 0


def _plain(panel: Panel) -> dict[str, Any]:
    shown = panel.model_dump(mode="json", exclude_none=True)
    return {**shown, "protocol": panel.protocol}


def _show(name: str, output_format: str) -> int:
    """A panel as its file holds it."""
    panel = _found(name, this_machine())
    click.echo(
        json.dumps(_plain(panel), indent=2, ensure_ascii=False) if output_format == "json" else panel_toml(panel)
    )
    return 0


def _found(name: str, machine: Machine) -> Panel:
    if name not in machine.panels:
        raise InputError(missing(name, machine.panels))
    return machine.panels[name]


def _edit(name: str, changes: Sequence[str]) -> int:
    """Change a panel: by --set, or in your editor."""
    machine = this_machine()
    if changes:
        return _keep(name, changed_panel(_found(name, machine), changes), machine, force=True)
    if name not in machine.panels:
        raise InputError(missing(name, machine.panels))
    path = machine.panels.path(name)
    text = textfiles.read(path) if path.exists() else panel_toml(machine.panels[name])
    edited = click.edit(text, extension=".toml")
    if edited is None or edited == text:
        click.echo("nothing was changed", err=True)
        return 0
    try:
        return _keep(name, parse_panel(edited, name), machine, force=True)
    except InputError as error:
        draft = path.with_suffix(".draft")
        draft.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft.write_text(edited, "utf-8")
        raise InputError(*error.problems, f"nothing was changed; what you wrote is in {draft}") from None


def _clone(name: str, new: str, changes: Sequence[str], force: bool) -> int:
    """A panel under another name, with something changed if you like."""
    machine = this_machine()
    return _keep(new, changed_panel(_found(name, machine), changes), machine, force=force)


def _remove(names: Sequence[str], yes: bool) -> int:
    """Delete panels. What they were asked stays on record."""
    machine = this_machine()
    names = list(dict.fromkeys(names))
    for name in names:
        if name not in machine.panels:
            raise InputError(missing(name, machine.panels))
    if not yes and sys.stdin.isatty():
        click.confirm(f"Delete {', '.join(names)}?", abort=True, err=True)
    for name in names:
        machine.panels.remove(name)
        click.echo(f"removed {name}", err=True)
    return 0


def _export(name: str, output: Path | None) -> int:
    """A panel as a file for somebody else; `panel import` reads it."""
    text = panel_toml(_found(name, this_machine()))
    if output is None:
        click.echo(text, nl=False)
    else:
        output.write_text(text, "utf-8")
    return 0


def _import(file: Path | None, name: str | None, llm_consortium: bool, force: bool) -> int:
    """Take over a panel from a file, or all of llm-consortium's saved configurations."""
    machine = this_machine()
    if llm_consortium:
        if name is not None:
            raise InputError("--name is for one panel; a database has many")
        return _import_consortia(file, machine, force)
    if file is None:
        raise InputError("name the file to import, or --llm-consortium")
    if str(file) == "-" and name is None:
        raise InputError("what is piped in has no name: give it one with --name")
    piped = str(file) == "-"
    text = textfiles.decode(sys.stdin.buffer.read(), "standard input") if piped else textfiles.read(file)
    return _keep(name or file.stem, parse_panel(text, "standard input" if piped else str(file)), machine, force=force)


def _import_consortia(file: Path | None, machine: Machine, force: bool) -> int:
    from folkmoot.machine.consortium_configs import database_of, read_configs

    found, problems = read_configs(file or database_of(machine.environ), reserved_names())
    kept = 0
    for name, panel in found.items():
        try:
            _keep(name, panel, machine, force=force)
            kept += 1
        except InputError as error:
            problems += [f"{name}: {problem}" for problem in error.problems]
    if problems:
        raise InputError(*problems, f"{counted(kept, 'configuration')} imported, those above not")
    return 0


_SAVED: list[click.Parameter] = [
    NAME,
    click.Option(
        ["-p", "--protocol"], default=DEFAULT_PROTOCOL, show_default=True, metavar="PROTOCOL",
        help="What the seats do; its own flags are taken too.",
    ),
    *(flag for flag in RUN_FLAGS if flag.name in ("models", "count")),
    *SEAT_FLAGS,
    *(flag for flag in RUN_FLAGS if flag.name in ("budget", "max_calls", "timeout")),
    click.Option(["--description"], metavar="TEXT", help="For lists."),
    FORCE,
]  # fmt: skip

PANEL = click.Group(
    "panel",
    {
        "save": _SaveCommand("save", callback=_save, help=_save.__doc__, params=_SAVED),
        "list": click.Command("list", params=[FORMAT], callback=_list, help=_list.__doc__),
        "show": click.Command("show", params=[NAME, FORMAT], callback=_show, help=_show.__doc__),
        "edit": click.Command("edit", params=[NAME, SET], callback=_edit, help=_edit.__doc__),
        "clone": click.Command(
            "clone", params=[NAME, click.Argument(["new"]), SET, FORCE], callback=_clone, help=_clone.__doc__
        ),
        "remove": click.Command(
            "remove", callback=_remove, help=_remove.__doc__,
            params=[
                click.Argument(["names"], nargs=-1, required=True),
                click.Option(["-y", "--yes"], is_flag=True, help="Do not ask."),
            ],
        ),
        "export": click.Command(
            "export", callback=_export, help=_export.__doc__,
            params=[NAME, click.Option(["--output"], type=click.Path(path_type=Path, dir_okay=False))],
        ),
        "import": click.Command(
            "import", callback=_import, help=_import.__doc__,
            params=[
                click.Argument(["file"], required=False, type=click.Path(path_type=Path)),
                click.Option(["--name"], help="Instead of the file's name."),
                click.Option(
                    ["--llm-consortium"], is_flag=True,
                    help="FILE is llm-consortium's database; by default the one of this user.",
                ),
                FORCE,
            ],
        ),
    },
    help="Save seats, a protocol and its options under a name.",
)  # fmt: skip

COMMANDS: Mapping[str, click.Command] = {"panel": PANEL}
