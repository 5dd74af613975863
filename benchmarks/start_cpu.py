"""CPU of whole commands, as ratios: a short `ask` of two API seats against a bare script, `--help` against Python.

The script streams the same two calls with the HTTP library alone and prints what it got. The measurements of one row
take turns, so that a busy machine slows all of them.
"""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.measuring import cpu_seconds, environment, median, model_server, show, temporary_home

TIMES = 9
FOLKMOOT = str(Path(sys.executable).with_name("folkmoot"))
BARE = """
import asyncio, json, sys
import {library} as http

async def ask(client, model):
    said = []
    body = {{"model": model, "messages": [{{"role": "user", "content": "What is 17 * 23?"}}], "stream": True,
             "stream_options": {{"include_usage": True}}}}
    async with client.stream("POST", sys.argv[1] + "/chat/completions", json=body) as response:
        async for line in response.aiter_lines():
            if line.startswith("data: ") and line != "data: [DONE]":
                for choice in json.loads(line[6:])["choices"]:
                    said.append(choice["delta"].get("content") or "")
    return "".join(said)

async def main():
    async with http.AsyncClient() as client:
        print(*await asyncio.gather(ask(client, "a"), ask(client, "b")))

asyncio.run(main())
"""


def medians(commands: Mapping[str, Sequence[str]], environ: Mapping[str, str]) -> dict[str, list[float]]:
    """The CPU of each command, measured in turns; the first turn warms up."""
    found: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(TIMES + 1):
        for name, argv in commands.items():
            found[name].append(cpu_seconds(argv, environ))
    return {name: values[1:] for name, values in found.items()}


def main() -> None:
    with temporary_home() as home, model_server() as url:
        environ = environment(home, OPENAI_BASE_URL=f"{url}/v1", DEEPSEEK_BASE_URL=f"{url}/v1",
                              OPENAI_API_KEY="loopback", DEEPSEEK_API_KEY="loopback")  # fmt: skip
        own = f'[providers.box]\nbase_url = "{url}/v1"\nbilling = "free"\n'
        (home.path / "config.toml").write_text(own, "utf-8")
        asking = [FOLKMOOT, "fanout", "What is 17 * 23?", "-m"]
        found = medians({
            "python": [sys.executable, "-c", "pass"],
            "httpx": [sys.executable, "-c", BARE.format(library="httpx"), f"{url}/v1"],
            "httpx2": [sys.executable, "-c", BARE.format(library="httpx2"), f"{url}/v1"],
            "help": [FOLKMOOT, "--help"],
            "metered": [*asking, "openai/gpt-5.4,deepseek/deepseek-chat"],
            "free": [*asking, "box/a,box/b"],
        }, environ)  # fmt: skip

    def ratio(what: str, target: str, one: str, other: str) -> None:
        show(what, target, [each / median(found[other]) for each in found[one]])

    ratio("CPU of a command with two metered API seats / bare httpx script", "<= 2.5", "metered", "httpx")
    ratio("the same / bare httpx2 script, the library that we use", "<= 2.5", "metered", "httpx2")
    ratio("CPU of a command with two seats of an own server / bare httpx2 script", "", "free", "httpx2")
    ratio("CPU of `folkmoot --help` / `python -c pass`", "<= 4.5", "help", "python")


if __name__ == "__main__":
    main()
