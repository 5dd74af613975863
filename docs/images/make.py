"""Draws live-view.svg from a real run of simulated seats: the lines so far, and the board in the middle of round 2."""

import io
import re
import sys
import tempfile
from pathlib import Path

from rich.console import Console, Group
from rich.text import Text

from folkmoot import events
from folkmoot.machine.config import Config
from folkmoot.python.library import run_protocol
from folkmoot.record.store import Home
from folkmoot.record.writer_thread import flush
from folkmoot.render.plain import PlainView
from folkmoot.render.terminal import TerminalView
from folkmoot.running.runs import Machine

QUESTION = "The car wash is only 100m away from my house, should I walk or drive?"
COMMAND = f'$ folkmoot converge "{QUESTION}" \\\n    --models sim/careful,sim/hasty,sim/contrarian'
MOMENT = ("r3/propose", 12)  # the picture is taken when a seat has written so many characters of this phase
COLUMNS = 112


def main() -> None:
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    lines = io.StringIO()
    plain, view = PlainView(lines, colour=True), TerminalView(sys.stderr, console=console)
    written = 0
    taken = False

    def watch(event: events.Event) -> None:
        nonlocal written, taken
        plain(event)
        view(event)
        if isinstance(event, events.TextDelta) and event.step.startswith(MOMENT[0]):
            written += len(event.text)
            if written > MOMENT[1] and not taken:
                taken = True
                shown = Text.from_ansi(lines.getvalue().rstrip())
                console.print(Group(Text(COMMAND, "bold"), shown, Text(), view.board()))

    with tempfile.TemporaryDirectory() as folder:
        machine = Machine({}, Config(), Home(Path(folder)))
        models = "sim/careful,sim/hasty,sim/contrarian"
        run_protocol("converge", QUESTION, models, listeners=[watch], machine=machine)
        flush()
    target = Path(__file__).with_name("live-view.svg")
    picture = re.sub(r"@font-face \{.*?\}", "", console.export_svg(title="folkmoot"), flags=re.DOTALL)  # no web fonts
    target.write_text(picture, "utf-8")
    print(f"wrote {target.name}")


if __name__ == "__main__":
    main()
