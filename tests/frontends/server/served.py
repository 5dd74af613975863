"""A server on a port of its own, in a thread, as `folkmoot serve` runs it; and what to ask it with."""

import asyncio
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import openai

from folkmoot.frontends.server.serving import serve
from folkmoot.machine.config import config_path, load_config
from folkmoot.record.store import Home
from folkmoot.running.runs import Machine
from folkmoot.types import JSON
from tests.loopback import LoopbackModels

QUICK = "sim/careful?delay=0"
TRIO = ("sim/careful?delay=0", "sim/hasty?delay=0", "sim/contrarian?delay=0")
QUESTION = "What is 17 * 23?"

PANELS = f"""
[panels.trio]
protocol = "converge"
models = {json.dumps(TRIO)}
description = "Three who judge each other"

[panels.seats]
models = ["{QUICK}"]
"""


def over(models: LoopbackModels, more: str = "") -> str:
    """The panels, and a provider `loop` that is asked over a real wire, for nothing."""
    return f'{PANELS}\n[providers.loop]\nbase_url = "{models.url}/v1"\nbilling = "free"\n{more}'


def priced(models: LoopbackModels, output: float = 10.0) -> str:
    """The same, with a price in USD per million tokens written; those read are free."""
    prices = f'[prices."loop/a"]\ninput = 0\noutput = {output}\n'
    return over(models, prices).replace('"free"', '"metered"')


@dataclass(frozen=True)
class Served:
    url: str
    home: Path
    headers: Mapping[str, str] = field(default_factory=dict)
    clients: list[openai.OpenAI] = field(default_factory=list)

    def http(self, **more: Any) -> httpx2.Client:
        return httpx2.Client(base_url=self.url, timeout=20.0, headers=dict(self.headers), **more)

    def get(self, path: str, **more: Any) -> httpx2.Response:
        with self.http() as client:
            return client.get(path, **more)

    def post(self, path: str, body: Any = None, **more: Any) -> httpx2.Response:
        with self.http() as client:
            return client.post(path, json={} if body is None else body, **more)

    def openai(self, key: str = "none", **more: Any) -> openai.OpenAI:
        client = openai.OpenAI(base_url=f"{self.url}/v1", api_key=key, timeout=20.0, **more)
        self.clients.append(client)
        return client

    def begin(self, **body: Any) -> str:
        """Start a run over the native API, and return its id."""
        answer = self.post("/api/v1/runs", {"prompt": QUESTION, "protocol": "converge", "models": TRIO, **body})
        assert answer.status_code == 201, answer.text
        id: str = answer.json()["id"]
        return id

    def events(self, id: str, after: int = 0, headers: Mapping[str, str] = {}) -> list["Event"]:
        """The stream of a run's events, to its end."""
        answer = self.get(f"/api/v1/runs/{id}/events", params={"after": after}, headers=headers)
        assert answer.status_code == 200, answer.text
        return read_events(answer.text)

    def ended(self, id: str) -> JSON:
        """The run, once it has ended."""
        self.events(id)
        found: JSON = self.get(f"/api/v1/runs/{id}").json()
        return found


@dataclass(frozen=True)
class Event:
    id: int | None
    kind: str
    data: JSON


def read_events(text: str) -> list[Event]:
    found = []
    for block in text.split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if "data" in lines:
            id = int(lines["id"]) if "id" in lines else None
            found.append(Event(id, lines.get("event", ""), json.loads(lines["data"])))
    return found


def machine(home: Path, config: str = PANELS, **environ: str) -> Machine:
    (home / "config.toml").write_text(config)
    variables = {"FOLKMOOT_HOME": str(home), **environ}
    return Machine(variables, load_config(config_path(variables)), Home.of(variables))


@contextmanager
def serving(on: Machine, host: str = "127.0.0.1", **given: Any) -> Iterator[Served]:
    """A server from entering the block to leaving it."""
    running = _Running(on, host, given)
    thread = threading.Thread(target=lambda: asyncio.run(running.run()), name="served", daemon=True)
    thread.start()
    running.started.wait(20)
    if running.failure:
        raise running.failure
    served = Served(running.url.replace("0.0.0.0", "127.0.0.1"), on.home.path)
    try:
        yield served
    finally:
        for client in served.clients:
            client.close()
        running.stop()
        thread.join(20)
        assert not thread.is_alive()


class _Running:
    def __init__(self, on: Machine, host: str, given: Mapping[str, Any]) -> None:
        self._machine, self._host, self._given = on, host, given
        self.started, self.url = threading.Event(), ""
        self.failure: Exception | None = None
        self.stop: Callable[[], object] = lambda: None

    async def run(self) -> None:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None

        def ready(url: str) -> None:
            self.url = url
            self.stop = lambda: loop.call_soon_threadsafe(task.cancel)
            self.started.set()

        try:
            await serve(self._machine, self._host, 0, ready=ready, **self._given)
        except asyncio.CancelledError:
            pass
        except Exception as error:
            self.failure = error
            self.started.set()
