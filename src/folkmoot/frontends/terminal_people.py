"""People who have a seat and sit at this terminal: they read the prompt there and write their reply.

They are asked one after the other. Typing goes on in the terminal's own line mode, so that its editing keys work and
Ctrl-C stays what it is.
"""

import asyncio
import os
import select
import sys
import termios
import time
from contextlib import suppress
from typing import TextIO
from weakref import WeakKeyDictionary

from folkmoot.errors import ProviderError
from folkmoot.machine.people import question_for
from folkmoot.render.wording import duration, one_line, visible
from folkmoot.types import Request

RULE = "─" * 60


class TerminalPeople:
    """Asks on a terminal: writes to `screen`, and reads what is typed from the file descriptor `keyboard`."""

    def __init__(self, keyboard: int, screen: TextIO) -> None:
        self._keyboard, self._screen = keyboard, screen
        self.withdrawn = False  # whether a question was taken back, perhaps from somebody who goes on typing
        # one lock for each loop, because every question of a chat has a loop of its own
        self._turns: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = WeakKeyDictionary()

    @classmethod
    def here(cls) -> "TerminalPeople | None":
        """The terminal that this process was started in, also where its input is piped; None where there is none."""
        if not sys.stderr.isatty():
            return None
        if sys.stdin.isatty():
            return cls(sys.stdin.fileno(), sys.stderr)
        try:
            return cls(os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY), sys.stderr)
        except OSError:
            return None

    async def ask(self, name: str, request: Request) -> str:
        """What the person types, up to an empty line or Ctrl-D. Raises ProviderError when that is nothing."""
        question = question_for(name, request)
        turn = self._turns.setdefault(asyncio.get_running_loop(), asyncio.Lock())
        async with turn:
            left = question.deadline - time.time()
            self._say(
                f"\n{RULE}\n{one_line(name)}, you are asked ({question.step}). What a model would read:\n{RULE}\n\n"
                f"{visible(question.text)}\n\n{RULE}\n"
                f"Your reply, {one_line(name)}. An empty line or Ctrl-D ends it. You have {duration(left)}, until "
                f"{time.strftime('%H:%M:%S', time.localtime(question.deadline))}.\n{RULE}"
            )
            try:
                text = await self._typed()
            except asyncio.CancelledError:
                self.withdrawn = True
                with suppress(OSError, termios.error):
                    termios.tcflush(self._keyboard, termios.TCIFLUSH)  # half a reply is no answer to what comes next
                self._say(f"\n{RULE}\nThis reply is no longer waited for.")
                raise
            self._say(f"{RULE}\n")
        if not text:
            raise ProviderError("late", f"{name} gave no answer")
        return text

    async def _typed(self) -> str:
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[None] = loop.create_future()
        typed = bytearray()

        def read() -> None:
            try:
                line = os.read(self._keyboard, 65536)
            except OSError:  # the terminal is gone
                line = b""
            typed.extend(line)
            # an empty line in the middle of what was pasted does not end it
            blank = not line.strip() and typed.strip() and not select.select([self._keyboard], [], [], 0)[0]
            if (not line or blank) and not ended.done():
                ended.set_result(None)

        loop.add_reader(self._keyboard, read)
        try:
            await ended
        finally:
            loop.remove_reader(self._keyboard)
        return typed.decode("utf-8", "replace").strip()

    def _say(self, text: str) -> None:
        with suppress(OSError, ValueError):
            print(text, file=self._screen, flush=True)
