"""The installed command in a pseudo-terminal, as somebody who types meets it."""

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pexpect  # type: ignore[import-untyped]

from tests.frontends.installed import COMMAND, Installed

Terminal = Callable[..., pexpect.spawn]


@contextmanager
def terminals(moot: Installed) -> Iterator[Terminal]:
    """Runs a command with these words, ours unless another is named; what it says is in `logfile_read`."""
    children: list[pexpect.spawn] = []

    def run(
        *words: str, command: str = str(COMMAND), width: int = 200, height: int = 40, **environ: str
    ) -> pexpect.spawn:
        child = pexpect.spawn(
            command, list(words), env=moot.environment() | environ, cwd=str(moot.home), encoding="utf-8",
            dimensions=(height, width), timeout=60, echo=False,
        )  # fmt: skip
        child.logfile_read = io.StringIO()
        children.append(child)
        return child

    yield run
    for child in children:
        child.close(force=True)


def ended(child: pexpect.spawn) -> tuple[int, str]:
    """The exit code, and everything that was written."""
    child.expect(pexpect.EOF)
    child.close()
    return child.exitstatus, child.logfile_read.getvalue()
