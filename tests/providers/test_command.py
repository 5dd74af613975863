"""Commands: small Python programs as seats."""

import asyncio
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from folkmoot.errors import InputError, ProviderError
from folkmoot.providers import open_provider
from folkmoot.providers.base import Settings
from folkmoot.providers.command import Command, prompt
from folkmoot.testing import provider_contract, request
from folkmoot.types import Completion, Message, Request

ECHO = "import sys; sys.stdout.write(sys.stdin.read())"


def command(program: str | list[str], **table: Any) -> Command:
    """A command that runs the Python `program`, or the words given."""
    words = program if isinstance(program, list) else [sys.executable, "-c", program]
    environ = {"PATH": os.environ["PATH"], "HOME": "/somewhere", "TOKEN": "abcdefgh", "OTHER": "unseen"}
    opened = open_provider("mine", Settings(environ=environ, table={"command": words} | table))
    assert isinstance(opened, Command)
    return opened


def answer(
    provider: Command, asked: Request | None = None, on_text: Callable[[str], None] = lambda _: None
) -> Completion:
    return asyncio.run(provider.complete(asked or request(), on_text))


def failure(provider: Command) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        answer(provider)
    return caught.value


def test_a_program_gets_the_prompt_and_what_it_writes_is_the_answer() -> None:
    done = answer(command(ECHO), request("What is 17 * 23?\nIn words: ÷", system="Be brief."))
    assert done.text == "Be brief.\n\nWhat is 17 * 23?\nIn words: ÷"
    assert (done.usd, done.usage, done.model) == (0.0, None, None)


def test_earlier_turns_are_told_apart() -> None:
    asked = request("And now?")
    turns = (Message("user", ("Hello",)), Message("assistant", ("Hi",)), *asked.messages)
    many = Request(model="m", system="", messages=turns, about=asked.about)
    assert prompt(many) == "User:\nHello\n\nAssistant:\nHi\n\nUser:\nAnd now?\n"


def test_a_program_is_told_what_it_is_asked_for_and_sees_nothing_it_was_not_given() -> None:
    show = "import os; print(*(f'{k}={v}' for k, v in sorted(os.environ.items())), sep='\\n')"
    asked = request(model="deep/one", phase="propose", step="r2/propose/s1", seed=7)
    seen = dict(line.split("=", 1) for line in answer(command(show, env=["TOKEN"]), asked).text.splitlines())
    told = {key: value for key, value in seen.items() if key.startswith("FOLKMOOT_")}
    assert told == {
        "FOLKMOOT_MODEL": "deep/one",
        "FOLKMOOT_STEP": "r2/propose/s1",
        "FOLKMOOT_PHASE": "propose",
        "FOLKMOOT_FORMAT": "text",
        "FOLKMOOT_SEED": "7",
    }
    assert (seen["HOME"], seen["TOKEN"]) == ("/somewhere", "abcdefgh")
    assert "OTHER" not in seen


def test_a_program_runs_in_the_current_folder() -> None:
    assert answer(command("import os; print(os.getcwd())")).text == str(Path.cwd())


def test_lines_are_heard_as_they_are_written() -> None:
    pieces: list[str] = []
    answer(command("print('one'); print('two')"), on_text=pieces.append)
    assert pieces == ["one\n", "two\n"]


@pytest.mark.parametrize(
    "program, kind, said",
    [
        ("import sys; sys.exit(127)", "missing", "found no program"),
        (
            "import sys; print('half an answer'); sys.exit('\\n  disk is full\\nmore')",
            "server",
            "returned 1: disk is full",
        ),
        ("raise OSError('the model is asleep')", "server", "OSError: the model is asleep"),
        ("import os; os.kill(os.getpid(), 9)", "server", "was ended by signal 9"),
        ("import os, sys; sys.exit('bad token ' + os.environ['TOKEN'])", "server", "bad token [redacted]"),
        ("print('  ')", "empty", "wrote nothing"),
    ],
)
def test_a_program_that_fails_has_not_answered(program: str, kind: str, said: str) -> None:
    error = failure(command(program, env=["TOKEN"]))
    assert error.kind == kind
    assert said in str(error)


def test_a_program_that_is_not_here_is_missing(tmp_path: Path) -> None:
    assert failure(command(["no-such-program-at-all"])).kind == "missing"
    assert failure(command([str(tmp_path / "absent")])).kind == "missing"


def test_a_command_may_be_one_line_and_a_path_holds_from_here(tmp_path: Path) -> None:
    script = tmp_path / "my answer.sh"
    script.write_text('#!/bin/sh\necho "$1"\n')
    script.chmod(0o700)
    near = os.path.relpath(script)
    assert os.sep in near
    settings = Settings(environ={"PATH": os.environ["PATH"]}, table={"command": f"'{near}' 'a b'"})
    assert asyncio.run(open_provider("mine", settings).complete(request(), lambda _: None)).text == "a b"


@pytest.mark.parametrize(
    "table",
    [
        {"command": ""}, {"command": []}, {"command": [1]}, {"command": "unclosed '"}, {"command": True},
        {"timeout": 0}, {"timeout": "long"}, {"concurrency": 1.5}, {"concurrency": True}, {"env": "TOKEN"},
        {"cmd": "x"},
    ],
)  # fmt: skip
def test_a_table_that_cannot_be_read_is_refused_by_name(table: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"\[providers\.mine\]"):
        open_provider("mine", Settings(environ={}, table={"command": "x"} | table))


def test_timeout_and_concurrency_come_from_the_table() -> None:
    given = command(ECHO, timeout=60, concurrency=2)
    assert (given.timeout, given.concurrency) == (60.0, 2)
    assert (command(ECHO).timeout, command(ECHO).concurrency) == (300.0, None)


def test_commands_keep_the_provider_contract() -> None:
    asyncio.run(provider_contract(lambda: command("import sys; print('heard', len(sys.stdin.read()))")))
