"""The tools: their names, when to use each, what each costs, and what it takes.

Every name begins with `folkmoot_`. Most clients put the server's name before it, which then stands there twice; but
some do not, and to them a tool called `ask` is the one that asks the user, and `vote` or `debate` anybody's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from mcp import types
from pydantic import BaseModel

from folkmoot.errors import InputError
from folkmoot.frontends.mcp.arguments import (
    AskPanel,
    Cancel,
    EnsembleDebate,
    PollRun,
    Start,
    input_schema,
    output_schema,
    protocol_arguments,
)
from folkmoot.frontends.mcp.results import RunAnswer, RunState
from folkmoot.machine.panels import Panels
from folkmoot.protocols import Registered, find_protocol, protocol_names
from folkmoot.running.runs import Machine

PREFIX = "folkmoot_"
SEATS = 3  # for which costs are told

WHEN = {
    "ask": "The cheap second opinion: check a claim, a fact, a root cause or a calculation before you rely on it.",
    "vote": "For a question with one short answer: a fact, a number, yes or no, one of several options.",
    "fanout": "When you want to compare the answers yourself. Nobody judges them.",
    "converge": "For an open question that deserves one good answer all can live with. Slow and costly.",
    "synthesize": "For a document or a plan into which the best of several drafts should go.",
    "brainstorm": "For many different ideas rather than one answer.",
    "debate": "For a contested decision with high stakes. The costliest: set `quick` unless it must be thorough.",
    "consortium": "When an arbiter should write the answer and say how sure it is.",
    "council": "For a review of a plan or a text: every seat answers, ranks the others, and a chair writes. "
    "preset=redteam attacks a plan, premortem looks back from its failure, oxford argues for and against.",
}
"""When to use a protocol, for the model that chooses. One that is not here has its summary."""

LONG = f" May take minutes: {PREFIX}start does it in the background."


@dataclass(frozen=True)
class Tool:
    """One tool. `protocol` is set where it asks by that protocol."""

    name: str
    description: str
    arguments: type[BaseModel]
    output: type[BaseModel]
    protocol: str | None = None
    reads_only: bool = False

    def listed(self) -> types.Tool:
        return types.Tool(
            name=self.name,
            description=self.description,
            input_schema=input_schema(self.arguments),
            output_schema=output_schema(self.output),
            annotations=types.ToolAnnotations(
                read_only_hint=self.reads_only, destructive_hint=False, open_world_hint=not self.reads_only
            ),
        )


def find_tools(machine: Machine, protocols: Sequence[str] = ()) -> dict[str, Tool]:
    """Every tool by its name; of protocols only those named, if any are. That for saved panels is there if one is.

    Raises InputError for a protocol that there is not.
    """
    asking = [_protocol_tool(name) for name in protocols or protocol_names()]
    panels = [_panel_tool(machine.panels)] if len(machine.panels) else []
    return {tool.name: tool for tool in (*asking, *panels, *OTHERS)}


@cache
def _protocol_tool(name: str) -> Tool:
    protocol = find_protocol(name)
    told = f"{protocol.summary}. {WHEN.get(protocol.name, '')}".strip()
    return Tool(
        name=f"{PREFIX}{protocol.name}",
        description=f"{told} {_cost(protocol)}{LONG}",
        arguments=protocol_arguments(protocol),
        output=RunAnswer,
        protocol=protocol.name,
    )


def _cost(protocol: Registered) -> str:
    options = protocol.options()
    once, most = protocol.calls_per_round(options, SEATS), protocol.max_calls(options, SEATS)
    rounds = getattr(options, "rounds", None)
    if rounds is not None and rounds > 1:
        return f"With {SEATS} seats about {once} model calls a round, at most {rounds} rounds."
    return f"With {SEATS} seats at most {most} model calls."


def _panel_tool(panels: Panels) -> Tool:
    listed = "; ".join(_panel_line(panels, name) for name in panels)
    return Tool(
        name=f"{PREFIX}panel",
        description=f"Ask one of the user's saved panels by its own protocol and options. There are: {listed}.{LONG}",
        arguments=AskPanel,
        output=RunAnswer,
    )


def _panel_line(panels: Panels, name: str) -> str:
    try:
        panel = panels[name]
    except InputError:
        return f"{name} (its file cannot be read)"
    about = f": {panel.description}" if panel.description else ""
    return f"{name} ({panel.protocol or 'ask'}{about})"


OTHERS = (
    Tool(
        name="ensemble_debate",
        description="Several models debate the question until a majority endorses one answer: Ensemble's tool, with "
        f"its arguments and defaults. {PREFIX}debate takes more.",
        arguments=EnsembleDebate,
        output=RunAnswer,
        protocol="debate",
    ),
    Tool(
        name=f"{PREFIX}start",
        description="Begin a run in the background and get its run_id at once, for whatever takes longer than you can "
        f"wait; then call {PREFIX}poll until its state is no longer running. With `resume`, go on with a run.",
        arguments=Start,
        output=RunState,
    ),
    Tool(
        name=f"{PREFIX}poll",
        description="Where a run stands: what happened since `cursor`, and its answer once it has ended.",
        arguments=PollRun,
        output=RunState,
        reads_only=True,
    ),
    Tool(
        name=f"{PREFIX}cancel",
        description="End a run now: nothing more is spent. What it has stays on record, and it can be resumed.",
        arguments=Cancel,
        output=RunState,
    ),
)
