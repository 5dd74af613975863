"""CPU of the engine per call, with the journal on disk: converge, 5 seats, 4 rounds, 100 calls.

All threads of this process count, those that sync the journal too; the model server is another process.
"""

import asyncio
import time
from collections.abc import Mapping

from benchmarks.measuring import Idle, asking, durable, median, model_server, show, temporary_home
from folkmoot.machine.seats import seats_of
from folkmoot.providers import open_provider
from folkmoot.providers.base import Settings
from folkmoot.record.store import Home, RunSpec
from folkmoot.types import Provider

CALLS = 100
PIECE = 12  # characters that the server sends at a time
PIECES = 20
NEVER = {"rounds": 4, "threshold": 10}  # judges give 9: all four rounds are played


async def milliseconds_per_call(
    spec: RunSpec, home: Home, providers: Mapping[str, Provider], times: int
) -> list[float]:
    found = []
    for _ in range(times + 2):  # the first two warm up imports, caches, connections
        began = time.process_time()
        result = await durable(spec, home, providers)
        found.append((time.process_time() - began) / CALLS * 1000)
        assert (result.total_calls, result.failures) == (CALLS, ())
    return found[2:]


async def over_api(home: Home, size: int) -> list[float]:
    spec = asking("converge", 5, **NEVER).model_copy(update={"seats": seats_of(["openai/gpt-5.4"] * 5)})
    with model_server(size=size) as url:
        environ = {"OPENAI_BASE_URL": f"{url}/v1", "OPENAI_API_KEY": "loopback"}
        provider = open_provider("openai", Settings(environ=environ))
        try:
            return await milliseconds_per_call(spec, home, {"openai": provider}, 7)
        finally:
            await provider.aclose()


def main() -> None:
    spec = asking("converge", 5, **NEVER)
    with temporary_home() as home:
        idle = asyncio.run(milliseconds_per_call(spec, home, {"idle": Idle()}, 20))
        show("CPU per call, provider doing nothing", "<= 0.3 ms", idle, " ms")
        long = asyncio.run(milliseconds_per_call(spec, home, {"idle": Idle(3000)}, 7))
        show("the same with texts of 3 KB", "", long, " ms")
        few, many = (asyncio.run(over_api(home, size)) for size in (PIECES * PIECE, 10 * PIECES * PIECE))
    show(f"CPU per call, API provider, streaming {PIECES} pieces", "<= 3 ms", few, " ms")
    show("the same / provider doing nothing", "<= 10", [each / median(idle) for each in few])
    more = [(each - median(few)) / (9 * PIECES) * 1000 for each in many]
    show("each further piece of a stream", "", more, " µs", digits=0)


if __name__ == "__main__":
    main()
