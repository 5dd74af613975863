"""Running a program that answers on stdout, so that nothing of it outlives the call.

The one thing to know: a program is a *group* of processes. Some are wrappers whose child does the work and holds the
pipes, so ending the leader ends nothing; every way out of `run_program` ends the whole group.
"""

import asyncio
import errno
import fcntl
import itertools
import logging
import os
import shlex
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from folkmoot.errors import FailureKind, ProviderError
from folkmoot.providers import leftovers
from folkmoot.providers.base import Shutdown

_log = logging.getLogger("folkmoot.process")

MAX_STDOUT = 16_000_000  # bytes kept of what a program answers
MAX_LINE = 16_000_000  # bytes of one line; gemini echoes the whole prompt in one
MAX_STDERR = 64_000  # bytes kept; the rest is read and forgotten
AT_A_TIME = 1 << 14  # bytes that are cut into lines before the event loop comes round again
MOST_CHUNKS = 8  # that wait to be cut into lines; the program is not read faster than that
PIPE_SIZE = 1 << 20  # bytes; what Linux gives to everybody
GRACE = 2.0  # seconds between SIGTERM and SIGKILL
HURRIED_GRACE = 0.5  # the same, when the user wants to leave at once
DRAIN = 1.0  # seconds to wait for pipes and for the kernel once everything was killed

_PLACES = ("HOME", "TMPDIR", "USER", "LOGNAME")
_LANGUAGE = ("LANG", "LANGUAGE", "TZ")
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy", "no_proxy")
_CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_PASSED = frozenset((*_PLACES, *_LANGUAGE, *_PROXIES, *_CERTIFICATES))
_DEFAULT_PATH = "/usr/local/bin:/usr/bin:/bin"


@dataclass(frozen=True, slots=True)
class Ran:
    """How a program ended."""

    stdout: str  # empty when it was not kept
    stderr: str  # the first MAX_STDERR bytes
    returncode: int  # negative: the signal that ended it
    stopped: bool = False  # `on_line` had heard enough, so that the return code is our doing


def allowed_environment(environ: Mapping[str, str], extra_names: Iterable[str] = ()) -> dict[str, str]:
    """The variables a child may see: where things are, language, proxies, certificates, and `extra_names`.

    No credential passes unless it is named. PATH keeps its absolute entries only. Empty variables count as unset.
    """
    names = _PASSED | set(extra_names)
    passed = {name: value for name, value in environ.items() if value and (name in names or name.startswith("LC_"))}
    return passed | {"PATH": _safe_path(environ)}


def _safe_path(environ: Mapping[str, str]) -> str:
    # A relative entry would let the current folder decide which program runs.
    entries = [entry for entry in environ.get("PATH", "").split(os.pathsep) if Path(entry).is_absolute()]
    return os.pathsep.join(entries) or _DEFAULT_PATH


def find_program(name: str, environ: Mapping[str, str]) -> Path:
    """The absolute path of the program `name`: a path, or looked up in PATH's absolute entries.

    Raises ProviderError("missing").
    """
    found = shutil.which(Path(name).expanduser(), path=_safe_path(environ))
    if found is None:
        raise ProviderError("missing", f"the program {name!r} is not here, or not executable")
    return Path(found).absolute()


def redacted(text: str, secrets: Iterable[str]) -> str:
    """`text` without the values in `secrets`, for messages that a person or a journal will see.

    >>> redacted("401 for sk-abcdef", ["sk-abcdef"])
    '401 for [redacted]'
    """
    for secret in secrets:
        if len(secret) >= 4:  # shorter ones are not secrets, and would eat words
            text = text.replace(secret, "[redacted]")
    return text


@contextmanager
def private_box(environ: Mapping[str, str]) -> Iterator[Path]:
    """A folder for one call that nobody else can read, with `cwd` and `tmp` in it; deleted afterwards."""
    try:
        box = _free_folder(Path(environ.get("TMPDIR") or tempfile.gettempdir()))
        for name in ("cwd", "tmp"):
            (box / name).mkdir(mode=0o700)
    except OSError as error:
        raise ProviderError("missing", f"there is no place for temporary files: {error}") from error
    try:
        yield box
    finally:
        shutil.rmtree(box, ignore_errors=True)
        if box.exists():  # a process that was just killed can still have added a file
            shutil.rmtree(box, ignore_errors=True)


def _free_folder(parent: Path) -> Path:
    # Agent CLIs put the path into their prompts. A random one would keep every provider's prompt cache from hitting;
    # a numbered one repeats. `mkdir` fails on what exists, so nobody can have laid out the folder before us.
    for number in itertools.count(1):
        folder = parent / f"folkmoot-{os.getuid()}-{number}"
        with suppress(FileExistsError):
            folder.mkdir(mode=0o700)
            return folder
    raise AssertionError("unreachable")


async def run_program(
    argv: Sequence[str],
    *,
    stdin: str,
    env: Mapping[str, str],
    cwd: Path | None = None,
    idle_timeout: float | None,
    shutdown: Shutdown,
    on_line: Callable[[str], bool | None],
    keep_stdout: bool = True,
) -> Ran:
    """Run `argv` with exactly the environment `env`, feed it `stdin` and hand each line of stdout to `on_line`.

    Without `cwd` the program gets a private empty folder and TMPDIR of its own. `on_line` gets lines without their
    ends, also an unfinished last one, and returns True to end the program. `idle_timeout` is in seconds without
    anything on stdout. Exceptions of `on_line` come through. However this ends, cancellation included, the program's
    process group has ended with it.

    Raises ProviderError: "missing" (cannot be started), "request" (arguments too long), "idle", "protocol" (wrote
    more than MAX_STDOUT or MAX_LINE). A bad return code is not an error here.
    """
    if cwd is None:
        with private_box(env) as box:
            env = {**env, "TMPDIR": str(box / "tmp")}
            return await run_program(
                argv, stdin=stdin, env=env, cwd=box / "cwd", idle_timeout=idle_timeout, shutdown=shutdown,
                on_line=on_line, keep_stdout=keep_stdout,
            )  # fmt: skip
    program = find_program(argv[0], env)
    mark = leftovers.mark()
    transport, child = await _start([str(program), *argv[1:]], {**env, **mark}, cwd)
    try:
        child.feed(transport, stdin)
        lines = _Lines(on_line, keep_stdout)
        while (chunk := await _next_chunk(child, program.name, idle_timeout)) is not None:
            if await lines.add(chunk, program.name):
                break
        stopped = lines.stopped or lines.close()
        if not stopped:
            await _wait_for_exit(child, program.name, idle_timeout)
    finally:
        try:
            await _end_group(transport, child, shutdown)
        finally:
            leftovers.end(mark)
    returncode = transport.get_returncode()
    return Ran(
        stdout=lines.kept.decode(errors="replace"),
        stderr=child.stderr.decode(errors="replace"),
        returncode=-signal.SIGKILL if returncode is None else returncode,  # None: killed, but stuck in the kernel
        stopped=stopped,
    )


class _Child(asyncio.SubprocessProtocol):
    """What is heard from a child, as a queue of chunks of stdout; None stands for its end.

    asyncio's own `Process.wait()` returns only when all pipes are closed, which a surviving grandchild can put off
    for ever, and its `readline` gives up at 64 KiB. `process_exited` and chunks know neither limit.
    """

    def __init__(self) -> None:
        self.chunks: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.stderr = bytearray()
        self.exited = asyncio.Event()
        self.closed = asyncio.Event()
        self._group = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.SubprocessTransport)
        self._group = transport.get_pid()  # it leads the group: `start_new_session`
        self._stdout = cast(asyncio.ReadTransport, transport.get_pipe_transport(1))
        _widen(self._stdout)

    def feed(self, transport: asyncio.SubprocessTransport, text: str) -> None:
        """Write `text` to the child while it reads; a child that does not want it all is not an error."""
        stdin = transport.get_pipe_transport(0)
        assert isinstance(stdin, asyncio.WriteTransport)
        stdin.write(text.encode("utf-8", "replace"))
        stdin.close()

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        if fd == 1:
            self.chunks.put_nowait(data)
            if self.chunks.qsize() >= MOST_CHUNKS and not self.exited.is_set():
                self._stdout.pause_reading()
        else:
            self.stderr += data[: max(0, MAX_STDERR - len(self.stderr))]

    async def next_chunk(self) -> bytes | None:
        chunk = await self.chunks.get()
        if self.chunks.empty():
            self._read_on()
        return chunk

    def _read_on(self) -> None:
        if not self._stdout.is_closing():
            self._stdout.resume_reading()

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        if fd == 1:
            self.chunks.put_nowait(None)

    def process_exited(self) -> None:
        self.exited.set()
        self._read_on()
        # Whoever is left of the group can hold the pipe open: what was written by now is the whole answer.
        self.signal_group(signal.SIGKILL)
        asyncio.get_running_loop().call_later(DRAIN, self.chunks.put_nowait, None)  # for those who left the group

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed.set()

    def signal_group(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError, PermissionError):  # macOS says EPERM for a group of zombies
            os.killpg(self._group, number)


def _widen(pipe: asyncio.BaseTransport | None) -> None:
    # gemini exits without waiting for what does not fit into the pipe, and so loses its answer. Linux only.
    if sys.platform == "linux" and pipe is not None:
        with suppress(OSError, ValueError):  # the user's share of pipes is spent, or the child has ended already
            fcntl.fcntl(pipe.get_extra_info("pipe").fileno(), fcntl.F_SETPIPE_SZ, PIPE_SIZE)


class _Lines:
    """Cuts chunks into lines."""

    def __init__(self, on_line: Callable[[str], bool | None], keep: bool) -> None:
        self._on_line = on_line
        self._keep = keep
        self._rest = bytearray()
        self.kept = bytearray()
        self.stopped = False

    async def add(self, chunk: bytes, name: str) -> bool:
        """Whether `on_line` wants no more. A program that floods us does not keep the event loop from coming round."""
        for start in range(0, len(chunk), AT_A_TIME):
            if self._add(chunk[start : start + AT_A_TIME], name):
                return True
            await asyncio.sleep(0)
        return False

    def _add(self, chunk: bytes, name: str) -> bool:
        if self._keep:
            self.kept += chunk
        searched = len(self._rest)
        self._rest += chunk
        if len(self.kept) > MAX_STDOUT or len(self._rest) > MAX_LINE:
            raise ProviderError("protocol", f"{name} wrote more than {MAX_STDOUT // 1_000_000} MB")
        start = 0
        while (end := self._rest.find(b"\n", max(start, searched))) >= 0:
            if self._say(self._rest[start:end]):
                return True
            start = end + 1
        del self._rest[:start]
        return False

    def close(self) -> bool:
        """Hand over an unfinished last line; whether `on_line` wants no more."""
        return bool(self._rest) and self._say(self._rest)

    def _say(self, line: bytearray) -> bool:
        self.stopped = bool(self._on_line(line.decode(errors="replace").removesuffix("\r")))
        return self.stopped


async def _start(argv: Sequence[str], env: Mapping[str, str], cwd: Path) -> tuple[asyncio.SubprocessTransport, _Child]:
    _log.debug("started: %s (variables: %s)", shlex.join(argv), ", ".join(sorted(env)))  # keys are in no argument
    try:
        return await asyncio.get_running_loop().subprocess_exec(
            _Child,
            *_dying_with_us(),
            *argv,
            env=dict(env),
            cwd=cwd,
            start_new_session=True,  # its own group, so that children die with it
        )
    except ValueError as error:  # a null character
        raise ProviderError("request", f"{argv[0]} cannot be started: {error}") from error
    except OSError as error:
        kind: FailureKind = "request" if error.errno == errno.E2BIG else "missing"
        raise ProviderError(kind, f"{argv[0]} cannot be started: {error.strerror}") from error


def _dying_with_us() -> Sequence[str]:
    """A prefix that has the kernel kill the program when we are killed ourselves and cannot.

    Linux only, and the leader only. `preexec_fn` could do the same, but deadlocks in a process with threads.
    """
    setpriv = Path("/usr/bin/setpriv")
    # Where busybox plays setpriv, the name leads to busybox, which lacks this option.
    if sys.platform == "linux" and setpriv.resolve().name == "setpriv" and os.access(setpriv, os.X_OK):
        return (str(setpriv), "--pdeathsig", "KILL", "--")
    return ()


async def _next_chunk(child: _Child, name: str, idle_timeout: float | None) -> bytes | None:
    try:
        async with asyncio.timeout(idle_timeout):
            return await child.next_chunk()
    except TimeoutError:
        raise ProviderError("idle", f"{name} wrote nothing for {idle_timeout:g} s") from None


async def _wait_for_exit(child: _Child, name: str, idle_timeout: float | None) -> None:
    try:
        async with asyncio.timeout(idle_timeout):
            await child.exited.wait()
    except TimeoutError:
        raise ProviderError("idle", f"{name} closed its output but did not end within {idle_timeout:g} s") from None


async def _end_group(transport: asyncio.SubprocessTransport, child: _Child, shutdown: Shutdown) -> None:
    """End what is left of the program, which may be everything. A second cancellation only shortens the grace."""
    try:
        if not child.exited.is_set():
            child.signal_group(signal.SIGTERM)
            await _grace(child, shutdown)
    finally:
        if not child.exited.is_set():  # else `process_exited` has done it, and the number may be somebody else's
            child.signal_group(signal.SIGKILL)
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(DRAIN):
                    await child.exited.wait()
        finally:
            transport.close()
    with suppress(TimeoutError):
        async with asyncio.timeout(DRAIN):
            await child.closed.wait()


async def _grace(child: _Child, shutdown: Shutdown) -> None:
    step = 0.05
    waited = 0.0
    while waited < (HURRIED_GRACE if shutdown.hurry else GRACE):  # the hurry can begin while we wait
        with suppress(TimeoutError):
            async with asyncio.timeout(step):
                await child.exited.wait()
                return
        waited += step
