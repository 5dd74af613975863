"""The command mcp: panels as tools of an MCP client."""

import logging
import sys
from collections.abc import Coroutine
from importlib.util import find_spec
from typing import Any

import click

from folkmoot.errors import InputError
from folkmoot.frontends.cli.driver import Interrupted, run_until_signal, this_machine
from folkmoot.frontends.cli.flags import split
from folkmoot.protocols import find_protocol


def _mcp(http: bool, host: str, port: int, token: str | None, tools: tuple[str, ...]) -> int:
    """An MCP server on standard input and output, for the client that starts it; with --http, on a port."""
    if find_spec("mcp") is None:
        raise InputError("the MCP server needs its library: pip install 'folkmoot[mcp]'")
    protocols = split(tools)
    for name in protocols:
        find_protocol(name)
    machine = this_machine()
    logging.basicConfig(stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s", level=logging.WARNING)
    from folkmoot.frontends.mcp.serving import serve_http, serve_stdio

    serving: Coroutine[Any, Any, None]
    if http:
        serving = serve_http(machine, host, port, token=token, protocols=protocols, ready=_ready)
    else:
        serving = serve_stdio(machine, protocols=protocols)
        if sys.stdin.isatty():
            click.echo("folkmoot: waiting for an MCP client on standard input; Ctrl-C ends it", err=True)
    try:
        run_until_signal(serving, machine)
    except Interrupted as interrupted:
        return interrupted.code
    return 0


def _ready(url: str) -> None:
    click.echo(f"folkmoot: MCP at {url}", err=True)


COMMANDS = {
    "mcp": click.Command(
        "mcp",
        callback=_mcp,
        help="An MCP server on standard input and output, for the client that starts it; with --http, on a port.",
        params=[
            click.Option(["--http"], is_flag=True, help="Serve streamable HTTP instead."),
            click.Option(["--host"], default="127.0.0.1", show_default=True, help="For --http."),
            click.Option(["--port"], type=int, default=7863, show_default=True, help="For --http; 0 takes a free one."),
            click.Option(
                ["--token"],
                envvar="FOLKMOOT_MCP_TOKEN",
                metavar="TEXT",
                help="For --http: what clients must send as a bearer token. Better in FOLKMOOT_MCP_TOKEN.",
            ),
            click.Option(["--tools"], multiple=True, metavar="LIST", help="Protocols that are tools; by default all."),
        ],
    )
}
