"""Shell completion: the script that a shell reads, and what it is answered when somebody presses Tab.

Answers come from what is known without asking anybody: no network, no vendor's library. Whatever goes wrong, the shell
gets an empty answer and the user no message in the middle of a line.
"""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence

import click
from click.shell_completion import CompletionItem, ShellComplete, get_completion_class

from folkmoot.frontends.cli.command_names import SECTIONS, protocol_summaries
from folkmoot.machine.paths import config_names, panel_names
from folkmoot.providers.catalog import AGENTS, ALIASES, APIS, KEYS, LOCAL_SERVERS, SIM_SEATS

SHELLS = ("bash", "zsh", "fish")
PROGRAMS = ("folkmoot", "moot")
MOST_RUNS = 50  # the newest

_HINTS = {
    "bash": "echo 'eval \"$(folkmoot completion bash)\"' >> ~/.bashrc",
    "zsh": "echo 'eval \"$(folkmoot completion zsh)\"' >> ~/.zshrc    # below the line with compinit",
    "fish": "folkmoot completion fish > ~/.config/fish/completions/folkmoot.fish",
}

Values = Mapping[str, str]
"""What can be written -> what it means."""


def asked(environ: Mapping[str, str]) -> str | None:
    """Return the program for which a shell asks for completions, or None."""
    return next((program for program in PROGRAMS if _variable(program) in environ), None)


def script(shell: str) -> str:
    """What `shell` reads to complete our commands, under both their names."""
    completers = [_completer(shell, program) for program in PROGRAMS]
    bodies = [each.source_template % each.source_vars() for each in completers]
    if shell == "fish":  # click's script would cut values and their meanings at the second comma
        bodies = [body.replace('string split ","', 'string split --max 1 ","') for body in bodies]
    return "\n".join([f"# To have it in every new shell:\n#   {_HINTS[shell]}", *bodies])


def answer(cli: click.Group, program: str) -> int:
    """Print the completions that a shell asks for."""
    shell, _, instruction = os.environ[_variable(program)].partition("_")
    if shell not in SHELLS or instruction != "complete":
        return 1
    completer = _completer(shell, program)
    try:
        found = list(_items(cli, *completer.get_completion_args()))
    except Exception:  # a half-written line may be anything, and so may a configuration
        return 0
    if found:
        click.echo("\n".join(completer.format_completion(item) for item in found))
    return 0


def _variable(program: str) -> str:
    """The variable by which a shell's script asks."""
    return f"_{program.upper()}_COMPLETE"


def _completer(shell: str, program: str) -> ShellComplete:
    found = get_completion_class(shell)
    assert found is not None
    return found(click.Group(), {}, program, _variable(program))


def _items(cli: click.Group, words: Sequence[str], begun: str) -> Iterable[CompletionItem[str]]:
    """Return the completions of the unfinished word `begun` after `words`."""
    words = [word for word in words if word != "="]  # bash makes three words of --flag=value
    begun = "" if begun == "=" else begun
    if not words and not begun.startswith("-"):
        return _matching(_commands(), begun)
    command, rest = _command(cli, words)
    flag, equals, value = begun.partition("=")
    if equals and (option := _option(command, flag)) is not None:
        return _matching(_values(option, value), value, before=f"{flag}=")
    if rest and (option := _option(command, rest[-1])) is not None and not _is_switch(option):
        return _values_at(option, begun)
    if begun.startswith("-"):
        return _matching(_flags(command), begun)
    if isinstance(command, click.Group):
        return _matching(_subcommands(command), begun)
    argument = _argument(command, rest)
    return _values_at(argument, begun) if argument is not None else ()


def _matching(values: Values, begun: str, before: str = "") -> list[CompletionItem[str]]:
    return [
        CompletionItem(f"{before}{value}", help=meaning or None)
        for value, meaning in values.items()
        if value.startswith(begun)
    ]


def _values_at(param: click.Parameter, begun: str) -> list[CompletionItem[str]]:
    if isinstance(param.type, click.Path):
        return [CompletionItem(begun, type="file")]
    return _matching(_values(param, begun), begun)


def _command(cli: click.Group, words: Sequence[str]) -> tuple[click.Command, list[str]]:
    """The innermost command that `words` name, and the words after its name."""
    command: click.Command = cli
    rest = list(words)
    while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
        inner = command.get_command(click.Context(command), rest[0])
        if inner is None:
            return click.Command("unknown", add_help_option=False), []
        command, rest = inner, rest[1:]
    return command, rest


def _option(command: click.Command, word: str) -> click.Option | None:
    return next((each for each in command.params if isinstance(each, click.Option) and word in each.opts), None)


def _is_switch(option: click.Option) -> bool:
    return bool(option.is_flag or option.count)


def _argument(command: click.Command, words: Sequence[str]) -> click.Argument | None:
    """The argument whose turn it is after `words`."""
    taken = 0
    before = ""
    for word in words:
        owner = _option(command, before)
        if not word.startswith("-") and (owner is None or _is_switch(owner)):
            taken += 1
        before = word
    arguments = [each for each in command.params if isinstance(each, click.Argument)]
    many = [each for each in arguments if each.nargs == -1]
    return arguments[taken] if taken < len(arguments) else (many[0] if many else None)


def _commands() -> Values:
    listed = {name: said for section in SECTIONS.values() for name, said in section.items()}
    return {**protocol_summaries(), **listed, **dict.fromkeys(panel_names(os.environ), "your panel")}


def _subcommands(group: click.Group) -> Values:
    context = click.Context(group)
    found = {name: group.get_command(context, name) for name in group.list_commands(context)}
    return {name: each.get_short_help_str() for name, each in found.items() if each is not None and not each.hidden}


def _flags(command: click.Command) -> Values:
    options = [each for each in command.get_params(click.Context(command)) if isinstance(each, click.Option)]
    shown = [each for each in options if not each.hidden]
    return {name: _first_line(each.help) for each in shown for name in (*each.opts, *each.secondary_opts)}


def _first_line(help: str | None) -> str:
    return (help or "").strip().partition("\n")[0]


def _values(param: click.Parameter, begun: str) -> Values:
    """Return the values of a flag or argument; a name means the same in every command."""
    if isinstance(param.type, click.Choice):
        return dict.fromkeys((str(each) for each in param.type.choices), "")
    known = _KNOWN.get(param.name or "")
    return known(begun) if known is not None else {}


def _models(begun: str) -> Values:
    """Models, after those of a list that stand already."""
    before = begun[: begun.rfind(",") + 1]
    found = dict.fromkeys(panel_names(os.environ), "your panel")
    found |= {"sim": "three simulated seats"} | {name: f"is {model}" for name, model in (ALIASES | KEYS).items()}
    found |= {f"{api.name}/{api.default_model}": api.label for api in APIS.values() if api.default_model}
    own = config_names(os.environ, "providers")
    found |= {f"{name}/": "" for name in (*APIS, *AGENTS, *LOCAL_SERVERS, *own, "llm", "recorded")}
    found |= dict.fromkeys(SIM_SEATS, "simulated")
    return {f"{before}{name}": said for name, said in found.items()}


def _panels(_begun: str) -> Values:
    return dict.fromkeys(panel_names(os.environ), "")


def _runs(_begun: str) -> Values:
    """`last`, and the newest runs: their names begin with the time."""
    from folkmoot.record.store import Home

    folder = Home.of(os.environ).runs
    newest = sorted(folder.iterdir(), reverse=True) if folder.is_dir() else []
    names = [run.name for run in newest[: 2 * MOST_RUNS] if (run / "run.json").exists()]
    return {"last": "the newest run"} | dict.fromkeys(names[:MOST_RUNS], "")


_KNOWN: Mapping[str, Callable[[str], Values]] = {
    **dict.fromkeys(("models", "arbiter", "chair", "judge"), _models),
    **dict.fromkeys(("run", "runs", "goes_on"), _runs),
    **dict.fromkeys(("name", "names", "panel"), _panels),
    "protocol": lambda _: protocol_summaries(),
}
