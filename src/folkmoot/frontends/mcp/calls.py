"""The tools' functions: ask and wait, start, poll and cancel a run."""

import asyncio
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mcp import types
from pydantic import BaseModel

from folkmoot import events
from folkmoot.core import journal
from folkmoot.errors import InputError
from folkmoot.execute import Job, replay
from folkmoot.frontends.mcp.arguments import Ask, AskPanel, Cancel, EnsembleDebate, PollRun, Start, read_arguments
from folkmoot.frontends.mcp.following import HEARTBEAT, Context, able, follow, take_answers
from folkmoot.frontends.mcp.live import FollowedRun, FollowedRuns
from folkmoot.frontends.mcp.results import RunState, answered, run_answer, state_result
from folkmoot.frontends.mcp.tools import PREFIX, Tool
from folkmoot.machine.seats import find_seat
from folkmoot.record.bundle import result_of
from folkmoot.record.store import RunFolder
from folkmoot.render.text import RESUME
from folkmoot.running.intake import read_input
from folkmoot.running.planning import Asked, plan
from folkmoot.running.runs import Machine, begin, go_on
from folkmoot.types import Result, Seat

Said = types.CallToolResult | types.InputRequiredResult

RESUMABLE = (
    f"What it has stays on record: {PREFIX}start with `resume`, or `folkmoot resume`, goes on and pays nothing twice."
)


@dataclass(frozen=True)
class Calls:
    """Carries out tool calls. `root` is the folder whose files may be attached; None: no files."""

    runs: FollowedRuns
    root: Path | None = None
    heartbeat: float = HEARTBEAT

    @property
    def machine(self) -> Machine:
        return self.runs.machine

    async def call(self, tool: Tool, params: types.CallToolRequestParams, context: Context) -> Said:
        """Raises InputError with what is wrong, before anything is spent."""
        given = read_arguments(tool.arguments, params.arguments or {})
        match given:
            case PollRun():
                return await self._poll(given, params, context)
            case Cancel():
                return await self._cancel(given)
            case Start():
                return await self._start(given, context)
        told = 0
        if params.request_state is not None:  # back with answers to what the run asked
            run = self._live(params.request_state)
            told = len(run.lines)
            take_answers(run, params.input_responses)
        else:
            run = await self._begin(tool, given, context)
        required = await follow(run, context, told=told, heartbeat=self.heartbeat)
        return required or answered(await self._result(run))

    async def _begin(self, tool: Tool, given: BaseModel, context: Context, *, detached: bool = False) -> FollowedRun:
        if isinstance(given, Start):
            _check_start(given)
        asked, files = asked_of(tool, given)
        job, notes = await asyncio.to_thread(self._planned, asked, files)
        run = FollowedRun(able=able(context), most_calls=_most_calls(job), detached=detached)
        run.lines += notes

        async def start(machine: Machine, listeners: Sequence[events.Listener]) -> Result:
            return await begin(job, machine, listeners=listeners)

        await self.runs.start(run, start)
        return run

    def _planned(self, asked: Asked, files: Sequence[str]) -> tuple[Job, list[str]]:
        if not asked.prompt.strip():
            raise InputError("prompt: there is nothing to ask")
        read = read_input("-", self._paths(files), io.BytesIO(asked.prompt.encode("utf-8", "surrogatepass")))
        notes: list[str] = []
        asked = replace(asked, prompt=read.prompt, title=asked.prompt, attachments=read.attachments)
        return plan(asked, self.machine, notes.append), notes

    def _paths(self, files: Sequence[str]) -> list[Path]:
        """Return the paths of attached files. Only unhidden files of the project, because a prompt may have tricked the
        client's model.
        """
        if files and self.root is None:
            raise InputError("files: this server sends no files along; put the text into the prompt")
        found, problems = [], []
        for written in files:
            assert self.root is not None
            if "\0" in written:
                problems.append(f"files: {written!r} is no name of a file")
                continue
            path = (self.root / written).resolve()
            inside = path.relative_to(self.root) if path.is_relative_to(self.root) else None
            if inside is None:
                problems.append(f"files: {written} is outside {self.root}")
            elif any(part.startswith(".") for part in inside.parts):
                problems.append(f"files: {written} is hidden, and hidden files are not sent")
            else:
                found.append(path)
        if problems:
            raise InputError(*problems)
        return found

    async def _start(self, given: Start, context: Context) -> Said:
        if given.resume is not None:
            run = await self._resume(given, context)
        else:
            run = await self._begin(STARTED, given, context, detached=True)
        return state_result(self._state_of(run, 0, f"Call {PREFIX}poll with this run_id."))

    async def _resume(self, given: Start, context: Context) -> FollowedRun:
        if fixed := given.model_fields_set - {"resume", "options", "budget", "max_calls"}:
            raise InputError(f"{min(fixed)}: resume goes on with what was asked; options and limits can change")
        folder = self._folder(given.resume or "")
        limits = {name: getattr(given, name) for name in ("budget", "max_calls") if getattr(given, name) is not None}
        before = result_of(folder)
        retry = before is not None and "--retry-failed" in RESUME.get(before.status, "")
        run = FollowedRun(able=able(context), detached=True)

        async def start(machine: Machine, listeners: Sequence[events.Listener]) -> Result:
            return await go_on(
                folder, machine, retry_failed=retry, options=given.options, limits=limits, listeners=listeners
            )

        await self.runs.start(run, start)
        return run

    async def _poll(self, given: PollRun, params: types.CallToolRequestParams, context: Context) -> Said:
        folder = self._folder(given.run_id)
        run = self.runs.find(folder.id)
        if run is None:
            return await self._recorded(folder)
        if params.request_state is not None:
            take_answers(run, params.input_responses)
        seconds, told = given.wait_seconds, given.cursor
        required = await follow(run, context, told=told, seconds=seconds, heartbeat=self.heartbeat)
        if required is not None:
            return required
        state = self._state_of(run, given.cursor)
        result = await self._result(run) if state.state != "running" else None
        return _with_result(state, result)

    async def _cancel(self, given: Cancel) -> Said:
        folder = self._folder(given.run_id)
        run = self.runs.find(folder.id)
        if run is None:
            return await self._recorded(folder)
        run.cancel()
        await run.settled()
        return _with_result(self._state_of(run, len(run.lines), RESUMABLE), await self._result(run))

    async def _recorded(self, folder: RunFolder) -> Said:
        """Return the state of a run that this server did not start."""
        if journal.held(folder.journal):
            note = "Another process works on it."
            return state_result(RunState(run_id=folder.id, state="running", note=note))
        if (result := result_of(folder)) is not None:
            return _with_result(RunState(run_id=folder.id, state="ended", calls=result.total_calls), result)
        so_far = await replay(folder.spec(), folder)
        state = RunState(run_id=folder.id, state="unfinished", calls=so_far.total_calls, note=RESUMABLE)
        return _with_result(state, so_far)

    async def _result(self, run: FollowedRun) -> Result:
        """Return the result of a run that has ended, or the best answer so far of a cancelled one."""
        if (result := run.result()) is not None:
            return result
        folder = self._folder(run.id)
        return await replay(folder.spec(), folder, ended="cancelled")

    def _state_of(self, run: FollowedRun, cursor: int, note: str = "") -> RunState:
        lines = tuple(run.lines[cursor:])
        return RunState(run_id=run.id, state=run.state, lines=lines, cursor=len(run.lines), calls=run.calls, note=note)

    def _live(self, run_id: str) -> FollowedRun:
        if (run := self.runs.find(run_id)) is None:
            raise InputError(f"this server no longer works on {run_id}; {PREFIX}start with `resume` goes on with it")
        return run

    def _folder(self, run_id: str) -> RunFolder:
        """Find a recorded run. A client's text is never used as a path."""
        return find_run(self.machine, run_id)


def find_run(machine: Machine, run_id: str) -> RunFolder:
    """A run by its id, a unique part of it, or `last`. Raises InputError for none, and for anything like a path."""
    if "/" in run_id or "\\" in run_id or not run_id.strip("."):
        raise InputError(f"there is no run {run_id!r}")
    return machine.home.find(run_id)


STARTED = Tool(f"{PREFIX}start", "", Start, RunState)


def asked_of(tool: Tool, given: BaseModel) -> tuple[Asked, Sequence[str]]:
    """Return the request of a tool call, and the names of attached files."""
    limits = {name: value for name in ("budget", "max_calls") if (value := getattr(given, name, None)) is not None}
    match given:
        case EnsembleDebate():
            options: Mapping[str, Any] = {"quick": given.quick, "rounds": given.rounds, "ground": given.ground}
            asked = Asked(given.prompt, protocol="debate", models=given.models or (), options=options, limits=limits)
            return asked, ()
        case AskPanel():
            return Asked(given.prompt, panel=given.panel, limits=limits), given.files
        case Start():
            protocol, options = given.protocol, given.options
        case Ask():
            protocol = tool.protocol
            names = type(given).model_fields.keys() - Ask.model_fields.keys()
            options = {name: getattr(given, name) for name in names & given.model_fields_set}
        case _:
            raise TypeError(f"{tool.name} asks nobody")
    if given.panel is not None and given.models:
        raise InputError("panel, models: name one of the two")
    roles = given.role
    asked = Asked(
        given.prompt,
        panel=given.panel,
        protocol=protocol,
        models=given.models,
        options=options,
        may_name_files=False,
        limits=limits,
        dress=lambda seats: _in_roles(seats, roles),
    )
    return asked, given.files


def _check_start(given: Start) -> None:
    if not given.prompt.strip():
        raise InputError("prompt: there is nothing to ask; or name a run to go on with: resume")


def _in_roles(seats: tuple[Seat, ...], roles: Mapping[str, str]) -> tuple[Seat, ...]:
    try:
        chosen = {find_seat(seats, name).name: role for name, role in roles.items()}
    except InputError as error:
        raise InputError(*(f"role: {problem}" for problem in error.problems)) from None
    return tuple(seat.model_copy(update={"role": chosen.get(seat.name, seat.role)}) for seat in seats)


def _most_calls(job: Job) -> int | None:
    """The calls a run makes at most, where that says something: a protocol with rounds rarely needs them all."""
    if getattr(job.options, "rounds", 1) > 1:
        return None
    return job.protocol.max_calls(job.options, sum(seat.duty == "member" for seat in job.spec.seats))


def _with_result(state: RunState, result: Result | None) -> types.CallToolResult:
    if result is None:
        return state_result(state)
    return state_result(state.model_copy(update={"result": run_answer(result)}), result)
