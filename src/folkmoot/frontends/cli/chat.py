"""`folkmoot chat`: the loop of frontends/chat, in a terminal or over lines that are piped in."""

import asyncio
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from folkmoot import events
from folkmoot.errors import InputError
from folkmoot.execute import replay
from folkmoot.frontends.chat.commands import completions
from folkmoot.frontends.chat.conversation import Asking, Conversation, Setting, continued
from folkmoot.frontends.chat.loop import echoed, recite, talk
from folkmoot.frontends.cli.driver import Screen, carry_out, this_machine
from folkmoot.frontends.cli.flags import RUN_FLAGS, SEAT_FLAGS, VIEW_FLAGS, dress
from folkmoot.frontends.terminal_people import TerminalPeople
from folkmoot.providers.base import Shutdown
from folkmoot.record.store import RunFolder
from folkmoot.render.wording import counted
from folkmoot.running.runs import Machine, begin
from folkmoot.types import Result

HISTORY = "chat-history"  # in the home of the runs
SIGNALLED = 128  # and more: a signal ended the run


def _chat(goes_on: str | None, **given: Any) -> int:
    """Talk with a panel, turn by turn: it is told what was said before, and every answer is a run on record.

    Type /help there. Lines that are piped in are asked one after the other.
    """
    machine = this_machine()
    setting, earlier = continued(machine.home.find(goes_on)) if goes_on else (Setting(), ())
    conversation = Conversation(machine, setting, earlier)
    conversation.change(_say, **_changes(setting, given))
    if goes_on:
        _say(f"going on after {counted(len(earlier) // 2, 'answered question')}")
    turn = _Asker(conversation, machine, Screen.of({**given, "output_format": "text"}))
    if not sys.stdin.isatty():
        return recite(conversation, sys.stdin if given["quiet"] else echoed(sys.stdin, _say), turn, _say)
    from folkmoot.frontends.chat.prompt import typed_lines

    _say("Ask away. /help lists the commands; Alt-Enter breaks a line; Ctrl-C stops a question, Ctrl-D ends the chat.")
    lines = typed_lines(
        machine.home.path / HISTORY,
        lambda line: completions(conversation, line),
        lambda: f"{conversation.protocol}> ",
    )
    return talk(conversation, lines, turn, _say)


class _Asker:
    """Asks a question as the command line asks any: with its live view, its report, and Ctrl-C that stops the run."""

    def __init__(self, conversation: Conversation, machine: Machine, screen: Screen) -> None:
        self._conversation, self._machine, self._screen = conversation, machine, screen

    def __call__(self, question: str) -> int:
        seen: list[RunFolder] = []

        def note(event: events.Event) -> None:
            if isinstance(event, events.RunStarted) and event.folder:
                seen.append(RunFolder(Path(event.folder)))

        job = self._conversation.plan(question)
        if self._conversation.askings and not sys.stdout.isatty():
            click.echo()  # answers in a file stand apart
        machine = replace(
            self._machine, shutdown=Shutdown()
        )  # a shutdown of the last question does not concern this one
        try:
            code = carry_out(lambda watching: begin(job, machine, listeners=watching), machine, self._screen, [note])
        finally:
            for folder in seen:
                self._conversation.add(Asking(question, folder, _result(folder)))
        _let_finish(machine, stopped=code >= SIGNALLED)
        return code


def _let_finish(machine: Machine, *, stopped: bool) -> None:
    """What somebody still types as a reply that is no longer waited for must not become the next question.

    Who has stopped the run with Ctrl-C knows that.
    """
    people = machine.people
    if not isinstance(people, TerminalPeople):
        return
    withdrawn, people.withdrawn = people.withdrawn, False
    if withdrawn and not stopped and sys.stdin.isatty():
        _say("Your reply is no longer needed. Press Enter to go on; what stands before it is not asked.")
        sys.stdin.readline()


def _result(folder: RunFolder) -> Result:
    return folder.result() or asyncio.run(replay(folder.spec(), folder, ended="cancelled"))


def _changes(setting: Setting, given: Mapping[str, Any]) -> dict[str, Any]:
    """What the flags say of how to ask."""
    if given["deep"] and given["quick"]:
        raise InputError("--quick and --deep exclude each other")
    if given["deep"] and given["protocol"]:
        raise InputError("--deep is `--protocol debate`; give one of them")
    if given["budget"] is not None and not given["budget"] > 0:
        raise InputError("--budget must be more than 0")
    changes: dict[str, Any] = {
        "budget": given["budget"],
        "rounds": given["rounds"],
        "seed": given["seed"],
        "limits": {"timeout": given["timeout"]} if given["timeout"] is not None else {},
        "dress": (lambda seats: dress(seats, given)) if any(given[flag.name or ""] for flag in SEAT_FLAGS) else None,
    }
    if given["recordings"]:
        changes["recordings"] = tuple(str(path.absolute()) for path in given["recordings"])
    if given["panel"] or given["models"]:
        changes |= {"panel": given["panel"], "models": tuple(given["models"]), "seats": ()}
    other = "debate" if given["deep"] else given["protocol"]
    options = dict(setting.options)
    if other or given["quick"] or given["panel"]:
        changes["protocol"] = other
        options = options if other == setting.protocol else {}
    if given["ground"]:
        options["ground"] = True
    if given["roles"]:
        options["roles"] = given["roles"]
    return changes | {"options": options}


def _say(text: str) -> None:
    click.echo(text, err=True)


def _flag(name: str) -> click.Parameter:
    return next(flag for flag in RUN_FLAGS if flag.name == name)


COMMANDS: Mapping[str, click.Command] = {
    "chat": click.Command(
        "chat", callback=_chat, help=_chat.__doc__,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
        params=[
            _flag("models"),
            click.Option(["--panel"], metavar="NAME", help="A saved panel, with its protocol and options."),
            click.Option(["-p", "--protocol"], metavar="NAME", help="Ask by this protocol instead of the panel's own."),
            click.Option(["--quick"], is_flag=True, help="By the panel's own protocol, else by ask: the default."),
            click.Option(["--deep"], is_flag=True, help="By debate, until a majority stands."),
            click.Option(["-r", "--rounds", "--max-rounds"], type=click.IntRange(min=1), metavar="N",
                         help="The most rounds, of protocols that have rounds."),
            click.Option(["-b", "--budget"], type=float, metavar="USD", help="What the whole chat may cost."),
            click.Option(["--ground"], is_flag=True, help="Search the web before each question, with --deep."),
            click.Option(["--roles"], type=click.Choice(["none", "diverse", "redteam"]),
                         help="A stance for every seat that has no --role, with --deep."),
            *SEAT_FLAGS,
            click.Option(["--continue", "--resume", "goes_on"], metavar="RUN",
                         help="Go on with the conversation that this run belongs to; `last` is the newest."),
            _flag("timeout"), _flag("seed"), _flag("recordings"),
            *(flag for flag in VIEW_FLAGS if flag.name != "output_format"),
        ],
    )
}  # fmt: skip
