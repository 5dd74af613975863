"""The commands on the whole record: eval tournament, leaderboard, receipts. No model is asked."""

import asyncio
import json
from pathlib import Path

import click

from folkmoot.frontends.cli.driver import this_machine

FORMAT = click.Option(["-o", "--output-format"], type=click.Choice(["text", "json"]), default="text", show_default=True)


def _tournament(output_format: str) -> int:
    """Decide every marked run again by every rule, panel and protocol that its record can answer.

    Names a winner only where it is significantly better than every other.
    """
    from folkmoot.evals.on_record import marked_runs
    from folkmoot.evals.tournament import tournament, tournament_text

    found = asyncio.run(tournament(marked_runs(this_machine().home)))
    click.echo(found.model_dump_json(indent=2) + "\n" if output_format == "json" else tournament_text(found), nl=False)
    return 0


def _leaderboard(output_format: str) -> int:
    """The models of the runs on record: wins, strength in the eyes of the others, harshness, cost."""
    from folkmoot.evals.leaderboard import Seen, leaderboard, leaderboard_text, seen_at

    async def seen() -> list[Seen]:
        return [each async for each in seen_at(this_machine().home)]

    table = leaderboard(asyncio.run(seen()))
    if output_format == "json":
        click.echo(json.dumps([each.model_dump() for each in table], ensure_ascii=False, indent=2))
    else:
        click.echo(leaderboard_text(table), nl=False)
    return 0


def _receipts(page: Path | None, output_format: str) -> int:
    """Was it worth it, in sum: how often the panel changed the first seat's answer, and what that cost."""
    from folkmoot.evals.receipts import Held, held_at, receipts_text, sum_up
    from folkmoot.evals.receipts_page import receipts_page
    from folkmoot.record.files import write_file

    async def held() -> list[Held]:
        return [each async for each in held_at(this_machine().home)]

    found = sum_up(asyncio.run(held()))
    if page is not None:
        write_file(page.absolute(), receipts_page(found))
    click.echo(found.model_dump_json(indent=2) + "\n" if output_format == "json" else receipts_text(found), nl=False)
    return 0


TOURNAMENT = click.Command("tournament", callback=_tournament, help=_tournament.__doc__, params=[FORMAT])

COMMANDS = {
    "leaderboard": click.Command("leaderboard", callback=_leaderboard, help=_leaderboard.__doc__, params=[FORMAT]),
    "receipts": click.Command(
        "receipts", callback=_receipts, help=_receipts.__doc__,
        params=[
            click.Option(["--page"], type=click.Path(path_type=Path), help="Write it there as one HTML page, too."),
            FORMAT,
        ],
    ),
}  # fmt: skip
