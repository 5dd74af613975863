"""The command serve: an OpenAI-compatible server, and the page."""

import logging
import math
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING

import click

from folkmoot.errors import InputError
from folkmoot.frontends.cli.driver import Interrupted, run_until_signal, this_machine
from folkmoot.frontends.cli.flags import split

if TYPE_CHECKING:
    from folkmoot.frontends.server.keyring import Period


def _serve(
    host: str,
    port: int,
    max_body: int,
    max_runs: int,
    new_key: str | None,
    budget: float | None,
    per: "Period | None",
    only: tuple[str, ...],
) -> int:
    """Panels as models of an OpenAI-compatible server, and a page to watch them argue.

    Without --host only this machine can reach it. At any other address it needs a key: --new-key makes one.
    """
    if find_spec("uvicorn") is None or find_spec("starlette") is None:
        raise InputError("the server needs its libraries: pip install 'folkmoot[server]'")
    if new_key is not None:
        return _make_key(new_key, budget, per, split(only))
    if budget is not None or per is not None or only:
        raise InputError("--budget, --per and --only are a key's: give --new-key NAME too")
    machine = this_machine()
    logging.basicConfig(stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s", level=logging.WARNING)
    logging.getLogger("folkmoot.run").setLevel(logging.CRITICAL)  # what goes wrong in a run is on its record
    from folkmoot.frontends.server.serving import serve

    serving = serve(machine, host, port, max_body=max_body, max_runs=max_runs, ready=_ready)
    try:
        run_until_signal(serving, machine)
    except Interrupted as interrupted:
        return interrupted.code
    return 0


def _make_key(name: str, budget: float | None, per: "Period | None", only: tuple[str, ...]) -> int:
    from folkmoot.frontends.server.keyring import Keyring
    from folkmoot.running.planning import canonical, find_model

    machine = this_machine()
    if budget is not None and not 0 < budget < math.inf:
        raise InputError("--budget must be more than 0, and a number")
    for model in only:
        find_model(model, machine)
    only = tuple(map(canonical, only))
    keyring = Keyring.of(machine.environ)
    click.echo(keyring.add(name, budget=budget, per=per, only=only))
    click.echo(f"folkmoot: this key is shown once; only its hash is kept, in {keyring.path}", err=True)
    return 0


def _ready(address: str) -> None:
    click.echo(f"Watch and ask   {address}/", err=True)
    click.echo(f"OpenAI clients  base_url {address}/v1, model a panel or folkmoot/ask", err=True)
    click.echo(f"Try it          curl {address}/v1/models", err=True)


COMMANDS = {
    "serve": click.Command(
        "serve", callback=_serve, help=_serve.__doc__,
        params=[
            click.Option(["--host"], default="127.0.0.1", show_default=True, help="Any other needs a key."),
            click.Option(
                ["--port"], type=click.IntRange(0, 65535), default=8484, show_default=True, help="0 takes a free one."
            ),
            click.Option(
                ["--max-body"], type=click.IntRange(1), default=10_000_000, show_default=True, metavar="BYTES",
                help="Largest request.",
            ),
            click.Option(
                ["--max-runs"], type=click.IntRange(1), default=16, show_default=True, metavar="N", help="Runs at once."
            ),
            click.Option(["--new-key"], metavar="NAME", help="Make a key, print it once, and end."),
            click.Option(["--budget"], type=float, metavar="USD", help="What the new key may spend."),
            click.Option(
                ["--per"], type=click.Choice(["day", "month"]), help="How often that budget begins anew; else never."
            ),
            click.Option(
                ["--only"], multiple=True, metavar="LIST", help="Models the new key may ask; it can do nothing else."
            ),
        ],
    ),
}  # fmt: skip
