"""What comes in has a limit, and a request beyond it is refused at once, by a line that names the limit."""

import asyncio
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from folkmoot.errors import InputError
from folkmoot.execute import checked, execute
from folkmoot.machine.config import Config, load_config
from folkmoot.machine.seats import parse_models
from folkmoot.record.store import Home
from folkmoot.running.planning import Asked, plan
from folkmoot.running.runs import Machine
from folkmoot.testing import ScriptedProvider
from folkmoot.types import Request
from tests.frontends.server.served import machine as served_machine
from tests.frontends.server.served import serving
from tests.play import new_folder, spec_for
from tests.protocols.cases import with_one_round
from tests.trust import figures

LIMIT = "seats are asked for, and a run may have 64: max_seats in config.toml"
TOO_MANY: dict[str, Sequence[str]] = {
    "100,000 names": [f"sim/careful?skill=0.{number}" for number in range(100_000)],
    "100,000 names after one flag": [",".join(["sim/careful"] * 100_000)],
    "100,000 names nobody knows": [f"model{number}" for number in range(100_000)],
    "a count": ["sim/careful*65"],
    "a large count": ["sim/careful*100000"],
    "counts together": ["sim/careful*40", "sim/hasty*25"],
    "a word that stands for three seats": ["sim*22"],
}


def machine(path: Path, config: Config = Config()) -> Machine:
    return Machine({}, config, Home(path))


@pytest.mark.parametrize("how", TOO_MANY)
def test_more_seats_than_a_run_may_have_are_refused_at_once(how: str, tmp_path: Path) -> None:
    began = time.process_time()
    with pytest.raises(InputError, match=LIMIT) as raised:
        plan(Asked("?", models=TOO_MANY[how], protocol="converge"), machine(tmp_path))
    assert len(raised.value.problems) == 1
    took = time.process_time() - began
    figures.note("limits on what comes in", f"{how} refused in {took * 1000:.0f} ms")
    assert took < 1.0


def test_a_duty_has_no_more_seats_than_a_run_either(tmp_path: Path) -> None:
    options = {"arbiters": ",".join(["sim/careful"] * 500)}
    with pytest.raises(InputError):
        plan(Asked("?", models=["sim"], protocol="consortium", options=options), machine(tmp_path))


def test_the_limit_is_a_setting(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("max_seats = 3\n")
    config = load_config(tmp_path / "config.toml")
    assert len(plan(Asked("?", models=["sim/careful*3"]), machine(tmp_path, config)).spec.seats) == 3
    with pytest.raises(InputError, match="4 seats are asked for, and a run may have 3"):
        plan(Asked("?", models=["sim/careful*4"]), machine(tmp_path, config))
    (tmp_path / "config.toml").write_text("max_seats = 0\n")
    with pytest.raises(InputError, match="max_seats"):
        load_config(tmp_path / "config.toml")


def test_sixty_four_seats_are_not_too_many() -> None:
    assert len(parse_models(["sim/careful*64"])) == 64


def test_the_server_refuses_a_hundred_thousand_names_and_goes_on_serving(tmp_path: Path) -> None:
    names = [f"sim/careful?skill=0.{number}" for number in range(100_000)]
    with serving(served_machine(tmp_path)) as served:
        for body in ({"models": names}, {"models": [",".join(["a"] * 200_000)]}, {"models": ["sim/careful*999"]}):
            began = time.monotonic()
            answer = served.post("/api/v1/runs", {"prompt": "?", "protocol": "converge", **body})
            assert answer.status_code in (400, 413), answer.text[:300]
            assert answer.status_code == 413 or "a run may have 64" in answer.text
            figures.note("limits on what comes in", f"the server refuses in {time.monotonic() - began:.2f} s")
        chat = {"model": "folkmoot", "messages": [{"role": "user", "content": "?"}], "folkmoot": {"models": names}}
        assert served.post("/v1/chat/completions", chat).status_code in (400, 413)
        assert served.get("/api/v1/protocols").status_code == 200


# ----- how long the event loop may be held


@pytest.mark.trust
@pytest.mark.parametrize("name", ["converge", "debate", "council"])
def test_nothing_up_to_its_limit_holds_the_event_loop(name: str, tmp_path: Path) -> None:
    """Sixteen seats that answer a question of 300,000 letters with 20,000 letters each."""
    spec = spec_for(
        name, [f"scripted/m{number}" for number in range(16)], prompt="Why? " * 60_000, **with_one_round(name)
    )
    long = "Because. " * 2200

    def script(request: Request) -> str:
        return long if request.about.format in ("text", "keyed") else request.about.example

    folder = new_folder(tmp_path)
    folder.path.mkdir()
    folder.save(spec)

    async def watched() -> float:
        async with Watchdog() as watchdog:
            await execute(checked(spec), {"scripted": ScriptedProvider(script)}, folder=folder)
        return watchdog.longest

    longest = asyncio.run(watched())
    figures.note("longest pause of the loop", f"{name} of 16 seats {longest * 1000:.0f} ms")
    assert longest <= 0.3 * machine_slowness()


class Watchdog:
    """Measures the longest time that the event loop computed without coming round.

    It is the time of its thread's processor, so that a busy machine does not count as a slow loop.
    """

    longest = 0.0

    async def __aenter__(self) -> "Watchdog":
        self._task = asyncio.create_task(self._watch())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()

    async def _watch(self) -> None:
        while True:
            before = time.thread_time()
            await asyncio.sleep(0.002)
            self.longest = max(self.longest, time.thread_time() - before)


def machine_slowness() -> float:
    """How much slower than one that starts Python in 20 ms this machine is just now; at least 1."""
    times = []
    for _ in range(3):
        began = time.monotonic()
        subprocess.run([sys.executable, "-S", "-c", "pass"], check=True)
        times.append(time.monotonic() - began)
    return max(1.0, min(times) / 0.02)
