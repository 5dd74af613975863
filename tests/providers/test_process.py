import asyncio
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from folkmoot.errors import ProviderError
from folkmoot.providers import process
from folkmoot.providers.base import Shutdown
from folkmoot.providers.process import Ran, allowed_environment, find_program, private_box, redacted, run_program

pytestmark = pytest.mark.slow

FOREVER = "import time; time.sleep(600)"
DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)"
SAY_PID = "import os; print(os.getpid(), flush=True)"


def python(*lines: str) -> list[str]:
    return [sys.executable, "-c", "\n".join(lines)]


def running(
    argv: Sequence[str],
    tmp_path: Path,
    *,
    stdin: str = "",
    cwd: Path | None = None,
    idle_timeout: float | None = 30.0,
    hurry: bool = False,
    on_line: Callable[[str], bool | None] = lambda _: None,
    environ: Mapping[str, str] | None = None,
    keep_stdout: bool = True,
) -> Coroutine[Any, Any, Ran]:
    env = allowed_environment({**(os.environ if environ is None else environ), "TMPDIR": str(tmp_path)})
    return run_program(
        argv, stdin=stdin, env=env, cwd=cwd, idle_timeout=idle_timeout, shutdown=Shutdown(hurry), on_line=on_line,
        keep_stdout=keep_stdout,
    )  # fmt: skip


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{pid}/stat")
    return not (state.exists() and state.read_text().rpartition(")")[2].split()[0] == "Z")


def gone(pids: Sequence[int]) -> bool:
    """Whether all have ended; the kernel may need a moment."""
    deadline = time.monotonic() + 5
    while any(map(alive, pids)) and time.monotonic() < deadline:
        os.sched_yield()
    return not any(map(alive, pids))


async def cancelled_when_it_speaks(argv: Sequence[str], tmp_path: Path, lines: int, hurry: bool = False) -> list[int]:
    """The process ids that the program printed, one a line, before the call was cancelled."""
    pids: list[int] = []
    ready = asyncio.Event()

    def hear(line: str) -> None:
        pids.append(int(line))
        if len(pids) == lines:
            ready.set()

    task = asyncio.create_task(running(argv, tmp_path, on_line=hear, hurry=hurry))
    await ready.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    return pids


def test_a_program_reads_its_prompt_and_answers(tmp_path: Path) -> None:
    lines: list[str] = []
    echo = python("import sys; print(sys.stdin.read()); print('é!', end=''); print('oops', file=sys.stderr); exit(3)")
    ran = asyncio.run(running(echo, tmp_path, stdin="one\ntwo", on_line=lines.append))
    assert lines == ["one", "two", "é!"]
    assert ran == Ran(stdout="one\ntwo\né!", stderr="oops\n", returncode=3, stopped=False)


def test_a_prompt_of_600_kb_arrives_and_one_line_of_600_kb_comes_back(tmp_path: Path) -> None:
    lines: list[str] = []
    prompt = "palaver " * 75_000
    asyncio.run(running(python("import sys; print(sys.stdin.read())"), tmp_path, stdin=prompt, on_line=lines.append))
    assert lines == [prompt]


def test_a_program_that_does_not_read_its_prompt_can_answer(tmp_path: Path) -> None:
    closing = python("import os; os.close(0); print('no need')")
    ran = asyncio.run(running(closing, tmp_path, stdin="x" * 600_000))
    assert (ran.stdout, ran.returncode) == ("no need\n", 0)


def test_what_stays_unread_in_the_pipe_at_exit_is_heard(tmp_path: Path) -> None:
    hasty = python(
        "import os, sys; sys.stdin.read(); os.set_blocking(1, False)", "os.write(1, b'x' * 500_000)", "os._exit(0)"
    )
    assert len(asyncio.run(running(hasty, tmp_path)).stdout) == (500_000 if sys.platform == "linux" else 65_536)


def test_characters_split_between_chunks_stay_whole(tmp_path: Path) -> None:
    lines: list[str] = []
    slow = python(
        "import sys", "for b in 'naïve 日本\\r\\n'.encode(): sys.stdout.buffer.write(bytes([b])); sys.stdout.flush()"
    )
    asyncio.run(running(slow, tmp_path, on_line=lines.append))
    assert lines == ["naïve 日本"]


def test_stderr_is_read_to_its_end_but_only_its_beginning_is_kept(tmp_path: Path) -> None:
    noisy = python("import sys; sys.stderr.write('e' * 1_000_000); print('done')")
    ran = asyncio.run(running(noisy, tmp_path))
    assert (ran.stdout, len(ran.stderr)) == ("done\n", process.MAX_STDERR)


def test_stdout_that_nobody_wants_is_not_kept(tmp_path: Path) -> None:
    assert asyncio.run(running(python("print('x')"), tmp_path, keep_stdout=False)).stdout == ""


def test_a_listener_that_has_heard_enough_ends_the_program(tmp_path: Path) -> None:
    pids: list[int] = []

    def enough(line: str) -> bool:
        pids.append(int(line))
        return True

    ran = asyncio.run(running(python(SAY_PID, FOREVER), tmp_path, on_line=enough))
    assert ran.stopped
    assert ran.returncode == -signal.SIGTERM
    assert gone(pids)


def test_an_error_of_the_listener_comes_through_and_ends_the_program(tmp_path: Path) -> None:
    pids: list[int] = []

    def stumble(line: str) -> bool:
        pids.append(int(line))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        asyncio.run(running(python(SAY_PID, FOREVER), tmp_path, on_line=stumble))
    assert gone(pids)


def test_silence_is_ended(tmp_path: Path) -> None:
    with pytest.raises(ProviderError, match=r"wrote nothing for 0\.2 s") as caught:
        asyncio.run(running(python(FOREVER), tmp_path, idle_timeout=0.2))
    assert caught.value.kind == "idle"


def test_a_program_that_closes_its_output_and_stays_is_ended(tmp_path: Path) -> None:
    with pytest.raises(ProviderError, match="closed its output") as caught:
        asyncio.run(running(python("import os; os.close(1)", FOREVER), tmp_path, idle_timeout=0.3))
    assert caught.value.kind == "idle"


def test_each_piece_of_output_begins_the_silence_anew(tmp_path: Path) -> None:
    slow = python("import time", "for _ in range(8): print('.', end='', flush=True); time.sleep(0.25)")
    assert asyncio.run(running(slow, tmp_path, idle_timeout=1.5)).stdout == "." * 8


def test_a_cancelled_call_leaves_no_process(tmp_path: Path) -> None:
    child = f"subprocess.Popen([sys.executable, '-c', {SAY_PID + '; ' + FOREVER!r}])"
    pids = asyncio.run(cancelled_when_it_speaks(python("import subprocess, sys", SAY_PID, child, FOREVER), tmp_path, 2))
    assert len(set(pids)) == 2
    assert gone(pids)
    assert list(tmp_path.iterdir()) == []


def test_programs_deaf_to_sigterm_are_killed_with_their_children(tmp_path: Path) -> None:
    child = f"subprocess.Popen([sys.executable, '-c', {DEAF + '; ' + SAY_PID + '; ' + FOREVER!r}])"
    deaf = python("import subprocess, sys", DEAF, SAY_PID, child, FOREVER)
    started = time.monotonic()
    pids = asyncio.run(cancelled_when_it_speaks(deaf, tmp_path, 2, hurry=True))
    assert gone(pids)
    assert time.monotonic() - started < process.GRACE + 1.5


def test_a_second_cancellation_only_shortens_the_grace(tmp_path: Path) -> None:
    async def impatient() -> list[int]:
        pids: list[int] = []
        ready = asyncio.Event()

        def hear(line: str) -> None:
            pids.append(int(line))
            ready.set()

        task = asyncio.create_task(running(python(DEAF, SAY_PID, FOREVER), tmp_path, on_line=hear))
        await ready.wait()
        task.cancel()
        await asyncio.sleep(0)  # let it begin to end
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return pids

    assert gone(asyncio.run(impatient()))


def test_a_program_that_leaves_a_child_behind_is_not_waited_for(tmp_path: Path) -> None:
    pids: list[int] = []
    child = f"subprocess.Popen([sys.executable, '-c', {FOREVER!r}])"
    leaving = python("import subprocess, sys", f"child = {child}", "print(child.pid, flush=True)")
    ran = asyncio.run(running(leaving, tmp_path, on_line=lambda line: pids.append(int(line))))
    assert ran.returncode == 0
    assert gone(pids)


@pytest.mark.skipif(not Path("/usr/bin/setpriv").exists(), reason="needs util-linux")
def test_a_program_dies_with_us_when_we_are_killed(tmp_path: Path) -> None:
    script = "\n".join(
        (
            "import asyncio, os",
            "from folkmoot.providers.base import Shutdown",
            "from folkmoot.providers.process import run_program",
            f"argv = {python(SAY_PID, FOREVER)!r}",
            "say = lambda line: print(line, flush=True)",
            "env, quiet = dict(os.environ), dict(idle_timeout=None, shutdown=Shutdown())",
            "asyncio.run(run_program(argv, stdin='', env=env, on_line=say, **quiet))",
        )
    )
    env = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, env=env) as ours:
        assert ours.stdout is not None
        pid = int(ours.stdout.readline())
        assert alive(pid)
        ours.kill()
    assert gone([pid])


def test_a_call_has_a_private_folder_that_is_deleted(tmp_path: Path) -> None:
    lines: list[str] = []
    where = python(
        "import os; print(os.getcwd()); print(os.environ['TMPDIR']); print(oct(os.stat('..').st_mode))",
        "open('left', 'w')",
    )
    asyncio.run(running(where, tmp_path, on_line=lines.append))
    work, temporary, mode = lines
    assert Path(work).parent == Path(temporary).parent
    assert Path(work).is_relative_to(tmp_path)
    assert mode.endswith("700")
    assert list(tmp_path.iterdir()) == []


def test_boxes_have_names_that_repeat_but_never_meet(tmp_path: Path) -> None:
    environ = {"TMPDIR": str(tmp_path)}
    with private_box(environ) as first, private_box(environ) as second:
        assert first != second
        assert stat.S_IMODE(first.stat().st_mode) == 0o700
    with private_box(environ) as again:
        assert again == first


def test_a_folder_of_the_caller_is_used_and_kept(tmp_path: Path) -> None:
    place = tmp_path / "place"
    place.mkdir()
    ran = asyncio.run(running(python("import os; print(os.getcwd())"), tmp_path, cwd=place))
    assert Path(ran.stdout.strip()) == place.resolve()
    assert list(tmp_path.iterdir()) == [place]


def test_only_named_variables_reach_a_program() -> None:
    environ = {
        "PATH": "/usr/bin:relative::/bin", "HOME": "/home/me", "LANG": "C.UTF-8", "LC_ALL": "", "LC_TIME": "C",
        "https_proxy": "http://proxy", "SSL_CERT_FILE": "/ca.pem", "OPENAI_API_KEY": "secret", "NODE_OPTIONS": "--x",
        "MINE": "yes", "OPENAI_BASE_URL": "http://elsewhere",
    }  # fmt: skip
    assert allowed_environment(environ, ["MINE", "UNSET"]) == {
        "PATH": "/usr/bin:/bin", "HOME": "/home/me", "LANG": "C.UTF-8", "LC_TIME": "C", "https_proxy": "http://proxy",
        "SSL_CERT_FILE": "/ca.pem", "MINE": "yes",
    }  # fmt: skip


def test_a_program_sees_nothing_but_its_environment(tmp_path: Path) -> None:
    environ = {"PATH": os.environ["PATH"], "OPENAI_API_KEY": "secret"}
    ran = asyncio.run(running(["env"], tmp_path, environ=environ))
    assert {line.partition("=")[0] for line in ran.stdout.splitlines()} <= {"PATH", "TMPDIR", "MOOT_CALL"}


def test_programs_are_found_in_absolute_folders_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "moot"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    assert find_program("moot", {"PATH": str(tmp_path)}) == program
    assert find_program(str(program), {}) == program
    for path in (".", "", "/nowhere"):
        with pytest.raises(ProviderError) as caught:
            find_program("moot", {"PATH": path})
        assert caught.value.kind == "missing"


@pytest.mark.parametrize(
    "argv, kind", [(["no-such-program"], "missing"), (["env", "x" * 200_000], "request"), (["env", "\0"], "request")]
)
def test_what_cannot_be_started_is_said(argv: list[str], kind: str, tmp_path: Path) -> None:
    with pytest.raises(ProviderError) as caught:
        asyncio.run(running(argv, tmp_path))
    assert caught.value.kind == kind
    assert list(tmp_path.iterdir()) == []


def test_no_place_for_temporary_files_is_an_error_of_ours(tmp_path: Path) -> None:
    with pytest.raises(ProviderError, match="temporary files"), private_box({"TMPDIR": str(tmp_path / "none")}):
        pass


def test_secrets_are_taken_out_of_messages() -> None:
    assert redacted("key sk-123456 refused, ab", ["sk-123456", "ab"]) == "key [redacted] refused, ab"
