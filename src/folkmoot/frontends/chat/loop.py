"""The loop of a chat: read a line, do what it says, until the user leaves."""

from collections.abc import Callable, Iterable, Iterator

from folkmoot.errors import FolkmootError, InputError
from folkmoot.frontends.chat.commands import COMMANDS, Leave, Say, read_line
from folkmoot.frontends.chat.conversation import Conversation

Ask = Callable[[str], int]
"""Asks a question of the conversation, shows what comes of it, and returns the exit code of the run."""

TERMINATED = 143


def talk(conversation: Conversation, lines: Iterable[str], ask: Ask, say: Say) -> int:
    """Chat with a user at a terminal. After an error the next line is read."""
    for line in lines:
        try:
            if _do(conversation, line, ask, say) == TERMINATED:
                return TERMINATED
        except Leave:
            break
        except InputError as error:
            for problem in error.problems:
                say(problem)
        except FolkmootError as error:
            say(str(error))
        except KeyboardInterrupt:
            say("interrupted")
    return 0


def recite(conversation: Conversation, lines: Iterable[str], ask: Ask, say: Say) -> int:
    """Chat with a script: an input error ends it, and so does an interruption. Returns the last answer's exit code."""
    code = 0
    for line in lines:
        try:
            done = _do(conversation, line, ask, say)
        except Leave:
            break
        code = code if done is None else done
        if code >= 128:  # a signal
            break
    return code


def _do(conversation: Conversation, line: str, ask: Ask, say: Say) -> int | None:
    """Do what a line says; the exit code of a question's run."""
    if not line.strip():
        return None
    meant = read_line(line)
    if isinstance(meant, str):
        return ask(meant)
    name, argument = meant
    if argument and not COMMANDS[name].argument:
        raise InputError(f"{name} takes nothing after it; ask in a line of its own")
    COMMANDS[name].run(conversation, argument, say)
    return None


def echoed(lines: Iterable[str], say: Say) -> Iterator[str]:
    """Print each line that is read from a script, because it was not typed."""
    for line in lines:
        if line.strip():
            say(f"> {line.strip()}")
        yield line
