"""Advice for a seat that does not work, and repairs of Folkmoot's own folders where they are safe."""

import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from folkmoot.core.journal import held
from folkmoot.errors import InputError
from folkmoot.machine.config import config_path
from folkmoot.machine.discovery import STORED
from folkmoot.machine.paths import panel_folder
from folkmoot.providers.catalog import AGENTS, LOCAL_SERVERS
from folkmoot.record.index import Index
from folkmoot.record.store import RunFolder
from folkmoot.running.runs import Machine

FOLDER_MODE, FILE_MODE = 0o700, 0o600
MOST_NAMED = 10  # files with a line of their own


def mend_seat(kind: str, model: str, login: str, timeout: float, *, kept: bool = False) -> str:
    """What to do about a seat that failed in this way. `kept`: its CLI has a log-in of its own.

    >>> mend_seat("auth", "claude-code/x", "stored log-in", 60)
    'log in again: claude auth login'
    >>> mend_seat("timeout", "openai/x", "OPENAI_API_KEY", 60)
    'nothing was complete within 60 s: --timeout gives it longer'
    """
    provider = model.partition("/")[0]
    local = provider in LOCAL_SERVERS
    advice = {
        "auth": _mend_login(provider, login, kept),
        "model": _mend_model(provider, model),
        "request": "the same would be refused again; an empty account or a spent quota is refused like this too",
        "rate": "wait a little; in a run, --max-concurrent asks fewer at once",
        "server": f"start the server, or check its address ({login})" if local else "try again later; is it reachable?",
        "timeout": f"nothing was complete within {timeout:g} s: --timeout gives it longer",
        "idle": "it went silent in the middle: try again",
        "empty": "it answered without any text: try again, or take another model",
        "protocol": _mend_protocol(provider),
        "missing": "see what it misses above",
    }
    return advice.get(kind, "")


def _mend_login(provider: str, login: str, kept: bool) -> str:
    agent = AGENTS.get(provider)
    if agent is None:
        return f"{login or 'the key'} was refused: is it whole, of this vendor, and not revoked?"
    if login == STORED or not agent.keys:
        return f"log in again: {agent.log_in}"
    if not login:
        return f"log in: {agent.log_in}; or set {' or '.join(agent.keys)}"
    own = f'; login = "stored" under [providers.{provider}] uses its own log-in instead' if kept else ""
    return f"{login} was refused: set another, or unset it and log in: {agent.log_in}{own}"


def _mend_model(provider: str, model: str) -> str:
    agent = AGENTS.get(provider)
    if agent is not None:
        listed = f"`{agent.list_models}` lists what it knows" if agent.list_models else "is it part of your plan?"
        return f"is the id right? {listed}"
    if provider in LOCAL_SERVERS:
        fetch = f"; ollama pull {model.partition('/')[2]}" if provider == "ollama" else ""
        return f"`folkmoot models` lists what the server has{fetch}"
    return f"is the id right, and open to this account? folkmoot models --search {provider}/"


def _mend_protocol(provider: str) -> str:
    if agent := AGENTS.get(provider):
        return f"it may be a version that is not known here; {agent.tested} is tested: {agent.install}@{agent.tested}"
    return "what answers does not speak as it should: is the address right?"


def mend_folders(machine: Machine, here: Path) -> list[str]:
    """Put Folkmoot's folders in order; a line for each thing that was done. `here` is where .env is looked for.

    Runs that a process works on are left alone, and so is whatever else lies there. Nothing of a record is changed.
    """
    home, config = machine.home.path, config_path(machine.environ)
    ours = [machine.home.runs, panel_folder(machine.environ), config, *home.glob("folkmoot.db*")]
    if not machine.environ.get("FOLKMOOT_HOME"):  # else somebody else may have chosen a folder with more in it
        ours += [home, config.parent]
    done = _remove_drafts(machine)
    done += _close_to_others(ours)
    if _close(here / ".env", FILE_MODE):
        done.append(f"{here / '.env'}: now only you can read it")
    if machine.home.runs.is_dir():
        done += _index_anew(machine)
    return done


def _close_to_others(ours: Sequence[Path]) -> list[str]:
    """Remove other users' permissions on Folkmoot's files."""
    runs = [path for place in ours if place.name in ("runs", "panels") for path in _inside(place)]
    closed = [path for path in (*ours, *runs) if _close(path, FOLDER_MODE if path.is_dir() else FILE_MODE)]
    shown = [f"{path}: now only you can read it" for path in closed[:MOST_NAMED]]
    return [*shown, f"and {len(closed) - MOST_NAMED} more"] if len(closed) > MOST_NAMED else shown


def _close(path: Path, mode: int) -> bool:
    """Remove other users' permissions on `path`; return whether there were any."""
    with suppress(OSError):
        found = path.lstat()
        open_to_others = found.st_mode & (stat.S_IRWXG | stat.S_IRWXO)
        if open_to_others and not stat.S_ISLNK(found.st_mode) and found.st_uid == os.getuid():
            path.chmod(mode)
            return True
    return False


def _inside(place: Path) -> Iterator[Path]:
    for folder, folders, files in os.walk(place):  # does not follow links
        for name in (*folders, *files):
            yield Path(folder) / name


def _remove_drafts(machine: Machine) -> list[str]:
    """Remove the temporary files of processes that were killed."""
    idle = [folder for folder in machine.home.folders() if not held(folder.journal)]
    drafts = [path for folder in idle for path in _inside(folder.path) if _forsaken(path)]
    for path in drafts:
        path.unlink(missing_ok=True)
    return [f"{path}: removed; the process that wrote it is gone" for path in drafts]


def _forsaken(path: Path) -> bool:
    """Whether `path` is a draft, `.NAME.PID` or `.draft-PID`, whose process has ended."""
    name, _, number = path.name.replace("-", ".").rpartition(".")
    if not (name.startswith(".") and number.isdigit()) or path.is_symlink() or not path.is_file():
        return False
    try:
        os.kill(int(number), 0)
    except (ProcessLookupError, OverflowError):
        return True
    except PermissionError:
        return False
    return False


def _index_anew(machine: Machine) -> list[str]:
    index = Index(machine.home)
    busy = [folder for folder in machine.home.folders() if held(folder.journal)]
    for ending in ("", "-wal", "-shm") if not busy else ():
        index.path.with_name(index.path.name + ending).unlink(missing_ok=True)
    index.sync()
    unreadable = [folder for folder in machine.home.folders() if not _readable(folder)]
    return [f"{index.path}: made anew from the runs' folders"] + [
        f"{each.path} cannot be read; `folkmoot rm {each.id}` removes it" for each in unreadable
    ]


def _readable(folder: RunFolder) -> bool:
    try:
        folder.spec()
    except InputError:
        return False
    return True
