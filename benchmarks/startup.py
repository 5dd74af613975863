"""How long commands take that ask nobody, and what they import."""

import subprocess
import sys
from pathlib import Path

from benchmarks.measuring import environment, interpreter_seconds, process_seconds, show, temporary_home

TIMES = 9
FOLKMOOT = Path(sys.executable).with_name("folkmoot")
COMMANDS = {"--help": "<= 150 ms", "--version": "", "converge --help": "", "list": ""}
HEAVY = ("rich", "pydantic", "pydantic_ai", "openai", "httpx", "httpx2", "genai_prices", "starlette", "mcp", "asyncio")
LOADED = """
import sys
from folkmoot.frontends.cli import main
sys.argv = ["folkmoot", *{words}]
try:
    main()
except SystemExit:
    pass
print(len(sys.modules), *(name for name in {heavy} if name in sys.modules), file=sys.stderr)
"""


def main() -> None:
    with temporary_home() as home:
        environ = environment(home)
        for command, target in COMMANDS.items():
            words = command.split()
            walls = [process_seconds([str(FOLKMOOT), *words], environ) * 1000 for _ in range(TIMES + 1)]
            code = LOADED.format(words=words, heavy=HEAVY)
            done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True)
            count, *heavy = done.stderr.splitlines()[-1].split()
            loaded = f"{count} modules" + (f", with {', '.join(heavy)}" if heavy else "")
            show(f"`folkmoot {command}` ({loaded})", target, walls[1:], " ms", digits=0)
    show("(starting Python alone)", "", [interpreter_seconds() * 1000], " ms", digits=0)


if __name__ == "__main__":
    main()
