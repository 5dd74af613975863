"""`folkmoot eval`: compare ways of asking, and look at saved runs again without asking any model."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from folkmoot.errors import FolkmootError, InputError
from folkmoot.frontends.cli import evaluating, evidence, record_sums
from folkmoot.frontends.cli.driver import this_machine
from folkmoot.frontends.cli.flags import split

SELECTORS = ("mean", "stddev", "controversy", "controversy-floor-7", "quality-x-lexdiv")


def _brainstorm(runs: Sequence[str], panel_size: int, output_format: str) -> int:
    """Compare ways of choosing a panel, on saved brainstorms.

    A RUN is an output directory, of ours or of refinery's, or a run on record.
    """
    from folkmoot.evals.brainstorm import benchmark_json, benchmark_text

    found = benchmark_json(_load(runs), panel_size)
    click.echo(_dumped(found) if output_format == "json" else benchmark_text(found))
    return 0


def _panels(
    runs: Sequence[str],
    selector: str,
    strategies: Sequence[str],
    prompt_text: Sequence[str],
    panel_size: int,
    output_format: str,
    key_path: Path | None,
) -> int:
    """Make a blind review pack of saved brainstorms, and the key to it.

    A RUN is an output directory, of ours or of refinery's, or a run on record.
    """
    from folkmoot.evals.panels import STRATEGIES, key_json, make_pack, pack_json, pack_markdown

    wanted = split(strategies)
    if unknown := [each for each in wanted if each not in STRATEGIES]:
        raise InputError(f"--strategies: {', '.join(unknown)}: there are {', '.join(STRATEGIES)}")
    texts = dict(_prompt_text(written) for written in prompt_text)
    pack = make_pack(_load(runs), selector.replace("-", "_"), panel_size, strategies=wanted, texts=texts)
    if key_path is not None:
        _write_key(key_path, _dumped(key_json(pack)))
    click.echo(_dumped(pack_json(pack)) if output_format == "json" else pack_markdown(pack), nl=output_format == "json")
    return 0


def _calibration(
    sources: Sequence[str], models: Sequence[str], answers: Path | None, output: Path | None, diagram: Path | None
) -> int:
    """Learn how far each model, and a few that agree, can be trusted; or draw how well that is known.

    Without FILE, from the runs of ask and vote on record; the table is what `ask --calibration FILE` takes. With FILE,
    a recording with marks, or with --diagram, the reliability diagram: how often the answer that so many of the panel
    gave was right, against what the other half of the questions says.
    """
    if sources or diagram is not None:
        return evidence.draw_reliability(sources, models, diagram)
    from folkmoot.counting.calibration import write_calibration
    from folkmoot.evals.calibration import asked_on_record, calibrate, read_answers

    known = read_answers(answers) if answers is not None else {}
    runs = asyncio.run(asked_on_record(this_machine().home))
    table = calibrate(runs, split(models), known)
    if output is None:
        click.echo(table.model_dump_json(indent=2))
    else:
        write_calibration(output, table)
    return 0


def _load(runs: Sequence[str]) -> list[Any]:
    from folkmoot.evals.artifacts import SavedRun, load_run

    if not runs:
        raise InputError("name at least one run: a directory, or a run on record")
    home = this_machine().home

    async def load() -> list[SavedRun]:
        return [await load_run(written, home) for written in runs]

    return asyncio.run(load())


def _prompt_text(written: str) -> tuple[str, str]:
    name, equals, text = (part.strip() for part in written.partition("="))
    if not (name and equals and text):
        raise InputError(f"--prompt-text {written}: write ID=TEXT")
    return name, text


def _write_key(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n", "utf-8")
    except OSError as error:
        raise FolkmootError(f"the key cannot be written to {path}: {error.strerror or error}") from None


def _dumped(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)


class _Selector(click.Choice[str]):
    """A selector's name, with hyphens or with underscores."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        return str(super().convert(str(value).replace("_", "-"), param, ctx))


_SIZE = click.Option(
    ["--panel-size"], type=click.IntRange(1, 20), default=3, show_default=True, help="Answers on a panel."
)
_RUNS = click.Argument(["runs"], nargs=-1, metavar="RUN...")


def _format(default: str) -> click.Option:
    choice = click.Choice(["text", "json"])
    return click.Option(["-o", "--output-format"], type=choice, default=default, show_default=True)


def _benchmark_command(name: str) -> click.Command:
    return click.Command(
        name, params=[_RUNS, _SIZE, _format("json")], callback=_brainstorm, help=_brainstorm.__doc__
    )  # fmt: skip


def _panels_command(name: str) -> click.Command:
    return click.Command(
        name, callback=_panels, help=_panels.__doc__,
        params=[
            _RUNS,
            click.Option(
                ["--selector"], type=_Selector(SELECTORS), default="controversy-floor-7", show_default=True,
                help="How each panel is chosen.",
            ),
            click.Option(["--strategies"], multiple=True, metavar="LIST", help="Only runs of these strategies."),
            click.Option(["--prompt-text"], multiple=True, metavar="ID=TEXT", help="What a prompt asks. Repeatable."),
            _SIZE,
            _format("text"),
            click.Option(["--key-path"], type=click.Path(path_type=Path), help="Where to write who wrote what."),
        ],
    )  # fmt: skip


_CALIBRATION = click.Command(
    "calibration", callback=_calibration, help=_calibration.__doc__,
    params=[
        evidence.SOURCES,
        click.Option(
            ["-m", "--models"], multiple=True, metavar="LIST",
            help="The panel, by model ids; by default the one asked most often.",
        ),
        click.Option(
            ["--answers"], type=click.Path(path_type=Path), help='Right answers: JSON lines {"question", "accept"}.'
        ),
        click.Option(["--output"], type=click.Path(path_type=Path), help="Write the table there."),
        click.Option(["--diagram"], type=click.Path(path_type=Path), help="Write the reliability diagram there (SVG)."),
    ],
)  # fmt: skip

EVAL = click.Group(
    "eval",
    {
        "brainstorm": _benchmark_command("brainstorm"),
        "calibration": _CALIBRATION,
        "ceiling": evidence.CEILING,
        "rules": evidence.RULES,
        "tournament": record_sums.TOURNAMENT,
        "value": evidence.VALUE,
        "panels": _panels_command("panels"),
        "compare": evaluating.COMPARE,
        "run": evaluating.RUN,
    },
    help="Compare ways of asking, and look at saved runs again.",
)

COMMANDS: dict[str, click.Command] = {
    "eval": EVAL,
    "benchmark-brainstorm": _benchmark_command("benchmark-brainstorm"),
    "review-brainstorm-panels": _panels_command("review-brainstorm-panels"),
}
