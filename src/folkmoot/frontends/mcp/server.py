"""The MCP server: what it says of itself, and which part answers which request."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mcp import MCPError, types
from mcp.server import Server
from mcp.server.request_state import RequestStateBoundary, RequestStateSecurity

from folkmoot._version import __version__
from folkmoot.errors import FolkmootError, InputError
from folkmoot.frontends.mcp import resources
from folkmoot.frontends.mcp.calls import Calls
from folkmoot.frontends.mcp.following import HEARTBEAT, Context
from folkmoot.frontends.mcp.live import FollowedRuns
from folkmoot.frontends.mcp.prompts import PROMPTS
from folkmoot.frontends.mcp.results import refused
from folkmoot.frontends.mcp.tools import PREFIX, find_tools
from folkmoot.providers.human import LONGEST

NAME = "folkmoot"

INSTRUCTIONS = f"""\
Asks several other language models the same question; they judge and contradict each other, and one answer comes back
with the dissent, the cost and a run_id. Start with {PREFIX}ask: the other tools cost several times as much. The seats
see only the prompt, so give them the whole question. Every call costs money or quota: not for routine turns. `met`
false means that they did not agree: say so, and name the dissent. For longer than you can wait: {PREFIX}start and
{PREFIX}poll.
"""


def make_server(
    runs: FollowedRuns, *, root: Path | None = None, protocols: Sequence[str] = (), heartbeat: float = HEARTBEAT
) -> Server[Any]:
    """The server over `runs`, with a tool for each of `protocols`, or for all there are.

    Files below `root` may be sent along; None: none may.
    """
    machine = runs.machine
    calls = Calls(runs, root.resolve() if root is not None else None, heartbeat)

    async def list_tools(_: Context, __: types.PaginatedRequestParams | None) -> types.ListToolsResult:
        tools = await asyncio.to_thread(find_tools, machine, protocols)
        return types.ListToolsResult(tools=[tool.listed() for tool in tools.values()])

    async def call_tool(
        context: Context, params: types.CallToolRequestParams
    ) -> types.CallToolResult | types.InputRequiredResult:
        tool = find_tools(machine, protocols).get(params.name)
        if tool is None:
            raise MCPError(types.INVALID_PARAMS, f"there is no tool {params.name!r}")
        try:
            return await calls.call(tool, params, context)
        except InputError as error:
            return refused(error.problems)
        except FolkmootError as error:
            return refused([str(error)])

    async def list_resources(_: Context, __: types.PaginatedRequestParams | None) -> types.ListResourcesResult:
        return types.ListResourcesResult(resources=await resources.list_resources(machine))

    async def list_templates(_: Context, __: types.PaginatedRequestParams | None) -> types.ListResourceTemplatesResult:
        return types.ListResourceTemplatesResult(resource_templates=list(resources.TEMPLATES))

    async def read_resource(_: Context, params: types.ReadResourceRequestParams) -> types.ReadResourceResult:
        return types.ReadResourceResult(contents=[await resources.read_resource(machine, str(params.uri))])

    async def list_prompts(_: Context, __: types.PaginatedRequestParams | None) -> types.ListPromptsResult:
        return types.ListPromptsResult(prompts=[prompt.listed() for prompt in PROMPTS.values()])

    async def get_prompt(_: Context, params: types.GetPromptRequestParams) -> types.GetPromptResult:
        try:
            if params.name not in PROMPTS:
                raise InputError(f"there is no prompt {params.name!r}; there are: {', '.join(PROMPTS)}")
            return PROMPTS[params.name].filled(params.arguments or {})
        except InputError as error:
            raise MCPError(types.INVALID_PARAMS, str(error)) from None

    server: Server[Any] = Server(
        NAME,
        version=__version__,
        title="Folkmoot",
        instructions=INSTRUCTIONS,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
        on_list_resources=list_resources,
        on_list_resource_templates=list_templates,
        on_read_resource=read_resource,
        on_list_prompts=list_prompts,
        on_get_prompt=get_prompt,
    )
    # What a client brings back with its user's answers is sealed, for as long as a person may take.
    server.middleware.append(RequestStateBoundary(RequestStateSecurity.ephemeral(ttl=LONGEST), default_audience=NAME))
    return server
