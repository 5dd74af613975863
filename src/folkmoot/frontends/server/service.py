"""What all endpoints share: the machine, live runs, keys and accounts."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from starlette.requests import Request

from folkmoot.core.journal import held
from folkmoot.core.limits import Purse
from folkmoot.frontends.server.accounts import Accounts
from folkmoot.frontends.server.keyring import Keyring, ServerKey
from folkmoot.frontends.server.live import WatchedRuns
from folkmoot.frontends.server.refusals import Refusal, no_run
from folkmoot.frontends.server.streams import IDLE
from folkmoot.machine.people import Desk
from folkmoot.record.bundle import result_of
from folkmoot.record.store import RunFolder
from folkmoot.running.runs import Machine
from folkmoot.types import Result

MAX_BODY = 10_000_000  # bytes
MAX_RUNS = 16  # at once

State = Literal["running", "ended", "unfinished"]


@dataclass(frozen=True)
class Service:
    """One server. `id` tells it from others, so that it notices when it asks itself."""

    machine: Machine
    keyring: Keyring
    accounts: Accounts
    live: WatchedRuns
    desk: Desk = field(default_factory=Desk)
    loopback: bool = True  # whether only this machine can reach it
    max_body: int = MAX_BODY
    idle: float = IDLE  # seconds without a word, after which a stream shows a sign of life
    given_up: dict[str, str] = field(default_factory=dict)  # what a client asked and did not wait for -> the run

    @classmethod
    def of(
        cls,
        machine: Machine,
        *,
        loopback: bool = True,
        max_body: int = MAX_BODY,
        max_runs: int = MAX_RUNS,
        idle: float = IDLE,
    ) -> "Service":
        desk = Desk()
        return cls(
            machine=replace(machine, people=desk),
            keyring=Keyring.of(machine.environ),
            accounts=Accounts(machine.home, machine.config.prices),
            live=WatchedRuns(max_runs),
            desk=desk,
            loopback=loopback,
            max_body=max_body,
            idle=idle,
        )

    @property
    def id(self) -> str:
        return self.accounts.server_id

    def folder(self, id: str) -> RunFolder:
        """The run with exactly this id. Raises Refusal for none."""
        folder = RunFolder(self.machine.home.runs / id)
        if not id or id != folder.path.name or id.startswith(".") or not _is_file(folder.path / "run.json"):
            raise no_run(id)
        return folder

    def working(self, folder: RunFolder) -> bool:
        """Whether this server, or another process, works on a run."""
        live = self.live.find(folder.id)
        return (live is not None and not live.ended) or held(folder.journal)

    def state(self, folder: RunFolder) -> tuple[State, Result | None]:
        """How far a run is, and the result that stands. Raises JournalCorrupt."""
        if self.working(folder):
            return "running", None
        result = result_of(folder)
        return "ended" if result else "unfinished", result

    def idle_folder(self, id: str) -> RunFolder:
        """The same, of a run that nobody works on."""
        folder = self.folder(id)
        if self.working(folder):
            raise Refusal(409, f"{id} is going on; wait for its end, or cancel it first", code="run_is_going_on")
        return folder

    def purse(self, request: Request) -> Purse | None:
        """Return the purse of a request's key; None: no limit. Raises Refusal when nothing is left."""
        key = key_of(request)
        return self.accounts.open(key) if key is not None else None


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name that no file can have
        return False


def key_of(request: Request) -> ServerKey | None:
    """The key with which a request came; None where none is needed."""
    key: ServerKey | None = request.scope.get("folkmoot.key")
    return key


def via_of(request: Request) -> tuple[str, ...]:
    """The servers of ours through which a request came, this one last."""
    via: tuple[str, ...] = request.scope.get("folkmoot.via", ())
    return via
