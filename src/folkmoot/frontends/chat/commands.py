"""The commands of the chat. A line is a question, or a slash and a command."""

import asyncio
import difflib
import json
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from folkmoot.errors import InputError
from folkmoot.execute import replay
from folkmoot.frontends.chat.conversation import Conversation
from folkmoot.protocols import find_protocol, protocol_names
from folkmoot.providers.catalog import ALIASES, KEYS, SIM_SEATS
from folkmoot.render.wording import counted, money, one_line

Say = Callable[[str], None]


class Leave(Exception):
    """The user wants to leave the chat."""


@dataclass(frozen=True)
class SlashCommand:
    """One slash command. `words` are its possible arguments, for completion."""

    argument: str
    summary: str
    run: Callable[[Conversation, str, Say], None]
    words: Callable[[Conversation], Iterable[str]] = lambda _: ()


PLAIN = {"exit": "/exit", "quit": "/exit", ":q": "/exit", "help": "/help", "?": "/help"}
"""Words that are commands without a slash too, when they stand alone."""


def read_line(line: str) -> tuple[str, str] | str:
    """A command and its argument, or the question that a line is.

    Two slashes begin a question that begins with one. Raises InputError for a command that does not exist: it is never
    taken for a question.

    >>> read_line("What is 2+2?"), read_line("//etc/hosts: what is it for?"), read_line("/rounds  3")
    ('What is 2+2?', '/etc/hosts: what is it for?', ('/rounds', '3'))
    >>> read_line(" quit "), read_line("/quit")
    (('/exit', ''), ('/exit', ''))
    """
    line = line.strip()
    line = PLAIN.get(line.lower(), line)
    if not line.startswith("/"):
        return line
    if line.startswith("//"):
        return line[1:]
    name, *rest = line.split(maxsplit=1)
    name = ALSO.get(name, name)
    if name not in COMMANDS:
        near = difflib.get_close_matches(name, COMMANDS, n=1)
        hint = f"did you mean {near[0]}?" if near else "/help lists them."
        raise InputError(f"there is no command {name}; {hint} A question that begins with a slash is written with two.")
    return name, "".join(rest)


def completions(conversation: Conversation, line: str) -> list[str]:
    """What may stand in place of the last word of `line`, which has not been ended yet."""
    name, space, argument = line.partition(" ")
    if not line.startswith("/"):
        return []
    if not space:
        return [each for each in COMMANDS if each.startswith(name)]
    command = COMMANDS.get(ALSO.get(name, name))
    last = argument.rpartition(" ")[2].rpartition(",")[2]
    return [each for each in command.words(conversation) if each.startswith(last)] if command else []


def _quick(chat: Conversation, _: str, say: Say) -> None:
    chat.switch(say, protocol=None)
    say(f"from now on: {chat.protocol}")


def _deep(chat: Conversation, _: str, say: Say) -> None:
    chat.switch(say, protocol="debate")
    say("from now on: debate, until a majority stands")


def _protocol(chat: Conversation, name: str, say: Say) -> None:
    if not name:
        say(f"{chat.protocol}; there are: {', '.join(protocol_names())}")
        return
    find_protocol(name)
    chat.switch(say, protocol=name)
    say(f"from now on: {name}")


def _rounds(chat: Conversation, number: str, say: Say) -> None:
    if not number:
        say(f"at most {chat.setting.rounds} rounds" if chat.setting.rounds else "as many rounds as the protocol says")
        return
    if not number.isdecimal() or not int(number):
        raise InputError(f"/rounds {number}: write a number of rounds, e.g. /rounds 3")
    chat.change(say, rounds=int(number))
    has = "rounds" in find_protocol(chat.protocol).options.model_fields
    say(f"at most {int(number)} rounds" + ("" if has else f", of protocols that have rounds; {chat.protocol} has none"))


def _panel(chat: Conversation, name: str, say: Say) -> None:
    if not name:
        there = ", ".join(chat.machine.panels) or "none yet; `folkmoot panel save` makes one"
        say(f"{chat.setting.panel or 'no panel'}; there are: {there}")
        return
    panel = None if name == "none" else name
    chat.switch(say, panel=panel, models=(), seats=(), protocol=None)
    say(f"from now on: {f'the panel {panel}' if panel else 'the default seats'}, by {chat.protocol}")


def _models(chat: Conversation, written: str, say: Say) -> None:
    if not written:
        setting = chat.setting
        named = ", ".join(setting.models) or ", ".join(seat.model for seat in setting.seats)
        say(named or f"those of the panel {setting.panel}")
        return
    chat.change(say, panel=None, models=(written,), seats=())
    say(f"from now on: {', '.join(seat.model for seat in chat.plan('?').spec.seats)}")


def _set(chat: Conversation, written: str, say: Say) -> None:
    options = dict(chat.setting.options)
    key, equals, value = (part.strip() for part in written.partition("="))
    if not written:
        say(", ".join(f"{name}={json.dumps(each)}" for name, each in options.items()) or "nothing is set")
        return
    if not equals:
        raise InputError(f"/set {written}: write NAME=VALUE; an empty value takes the setting back")
    name = key.replace("-", "_")
    if name == "rounds":
        if value:
            _rounds(chat, value, say)
            return
        chat.change(say, rounds=None)
    options.pop(name, None)
    if value:
        options[name] = _value(value)
    chat.change(say, options=options)
    say(f"{key} is {value}" if value else f"{key} is what it is by default")


def _budget(chat: Conversation, written: str, say: Say) -> None:
    if written:
        usd = _dollars(written)
        if usd <= chat.spent:
            raise InputError(f"/budget {written}: {money(chat.spent)} is spent already")
        chat.change(say, budget=usd)
    budget = chat.setting.budget
    say(
        f"{money(chat.spent)} spent" + ("; no budget is set" if budget is None else f" of {money(budget)} for the chat")
    )


def _list(chat: Conversation, _: str, say: Say) -> None:
    for number, each in enumerate(chat.askings, 1):
        result = each.result
        say(f"{number:3}  {each.folder.id}  {result.protocol:10} {result.status:12} {one_line(each.question, 50)}")
    if not chat.askings:
        say("nothing was asked yet")
    if chat.machine.panels:
        say(f"panels: {', '.join(chat.machine.panels)}")


def _show(chat: Conversation, run: str, say: Say) -> None:
    from folkmoot.render.plain import PlainView
    from folkmoot.render.text import report_text

    if not run and not chat.askings:
        raise InputError("nothing was asked yet")
    numbered = run.isdecimal() and len(run) <= 3  # an id is longer
    if numbered and not 1 <= int(run) <= len(chat.askings):
        raise InputError(f"/show {run}: this chat has {counted(len(chat.askings), 'answer')} so far")
    asking = chat.askings[int(run) - 1] if numbered else chat.askings[-1] if not run else None
    folder = asking.folder if asking else chat.machine.home.find(run)
    with PlainView(sys.stderr) as view:
        result = asyncio.run(replay(spec := folder.spec(), folder, listeners=[view]))
    say(report_text(result, colour=False, names=spec.names))


def _outcome(chat: Conversation, written: str, say: Say) -> None:
    from folkmoot.record.marks import VERDICTS
    from folkmoot.running.marking import mark

    if not chat.askings:
        raise InputError("nothing was asked yet")
    verdict, _, answer = written.partition(" ")
    if verdict not in VERDICTS:
        raise InputError(
            f"/outcome {written}: write {', '.join(VERDICTS)}, and behind it the right answer if you know it"
        )
    found = mark(chat.askings[-1].folder, chat.machine.home, verdict, answer=answer)
    say(
        f"the last answer is marked {found.verdict}" + (f"; the right answer is {found.answer}" if found.answer else "")
    )


def _help(_chat: Conversation, _: str, say: Say) -> None:
    rows = [(f"{name} {command.argument}".strip(), command.summary) for name, command in COMMANDS.items()]
    rows += [("//...", "A question that begins with a slash")]
    width = max(len(row[0]) for row in rows)
    say("\n".join(f"{usage:{width}}  {summary}" for usage, summary in rows))


def _exit(_chat: Conversation, _: str, _say: Say) -> None:
    raise Leave


def _options(chat: Conversation) -> Sequence[str]:
    return [f"{name.replace('_', '-')}=" for name in find_protocol(chat.protocol).options.model_fields]


def _names(chat: Conversation) -> Sequence[str]:
    return [*chat.machine.panels, *ALIASES, *KEYS, "sim", *SIM_SEATS]


def _runs(chat: Conversation) -> Sequence[str]:
    return [each.folder.id for each in reversed(chat.askings)]


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _dollars(written: str) -> float:
    try:
        usd = float(written.removeprefix("$"))
    except ValueError:
        usd = 0.0
    if not 0 < usd < float("inf"):
        raise InputError(f"/budget {written}: write what the whole chat may cost in USD, e.g. /budget 0.50")
    return usd


COMMANDS = {
    "/quick": SlashCommand("", "Ask by the panel's own protocol, else by ask", _quick),
    "/deep": SlashCommand("", "Ask by debate, until a majority stands", _deep),
    "/rounds": SlashCommand("N", "The most rounds, of protocols that have rounds", _rounds),
    "/protocol": SlashCommand("[NAME]", "Ask by another protocol", _protocol, lambda _: protocol_names()),
    "/panel": SlashCommand("[NAME]", "Ask a saved panel; `none` asks the default seats", _panel,
                      lambda chat: [*chat.machine.panels, "none"]),
    "/models": SlashCommand("[LIST]", "Ask other seats, written as after --models", _models, _names),
    "/set": SlashCommand("[NAME=VALUE]", "An option of the protocol; empty takes it back", _set, _options),
    "/budget": SlashCommand("[USD]", "What the whole chat may cost, and what it has cost", _budget),
    "/list": SlashCommand("", "The runs of this chat, and the saved panels", _list),
    "/show": SlashCommand("[RUN]", "How the last answer came about, or another run's", _show, _runs),
    "/outcome": SlashCommand("right|wrong|partly [ANSWER]", "Say whether the last answer was right", _outcome,
                        lambda _: ("right", "wrong", "partly")),
    "/help": SlashCommand("", "This list", _help),
    "/exit": SlashCommand("", "Leave; so do /quit and Ctrl-D", _exit),
}  # fmt: skip

ALSO = {"/quit": "/exit", "/q": "/exit", "/model": "/models", "/runs": "/list", "/?": "/help"}
