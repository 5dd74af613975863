"""The installed `folkmoot serve` in a process of its own, seats behind a real wire, and Chromium in front of it."""

import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, expect, sync_playwright

from tests.browser.replies import reply
from tests.frontends.installed import COMMAND, Installed
from tests.loopback import LoopbackModels

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
ARTEFACTS = Path(__file__).parents[2] / "artefacts"
PANELS = """
[providers.loop]
base_url = "{url}/v1"

[panels.default]
protocol = "converge"
models = ["sim/careful?delay=0.02", "sim/hasty?delay=0.02", "sim/contrarian?delay=0.02"]
description = "Three simulated seats that judge each other"

[panels.jury]
protocol = "debate"
options = {{ early = "off" }}
models = ["sim/careful?delay=0.02", "sim/hasty?delay=0.02", "sim/contrarian?delay=0.02"]
"""


expect.set_options(timeout=15_000)

# Converges in 2 rounds of 9 calls; the third seat stops in the middle of its proposals until it is `let_through`.
PAUSING = "sim/careful?delay=0, sim/hasty?delay=0, loop/pausing"


@dataclass(frozen=True)
class Served:
    """A running `folkmoot serve`."""

    url: str
    home: Path
    process: subprocess.Popen[str]
    run: Installed  # the command line on the same home

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def stop(self) -> None:
        self.process.terminate()
        self.process.communicate(timeout=20)


def serve(home: Path, models: LoopbackModels, *arguments: str, **environ: str) -> Served:
    """Start the server on a free port and wait until it says where it is."""
    installed = Installed(home, environ)
    installed.configure(PANELS.format(url=models.url))
    process = subprocess.Popen(
        [COMMAND, "serve", "--port", "0", *arguments], env=installed.environment(), cwd=home, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    assert process.stdout is not None
    said = ""
    for line in process.stdout:
        said += line
        if found := re.search(r"http://127\.0\.0\.1:\d+", line):
            return Served(found[0], home, process, installed)
    raise AssertionError(f"folkmoot serve ended without an address: {said}")


@pytest.fixture(scope="session")
def models() -> Iterator[LoopbackModels]:
    with LoopbackModels(reply) as running:
        yield running


@pytest.fixture
def gate(models: LoopbackModels) -> LoopbackModels:
    """The models behind the wire, with the gate shut."""
    models.shut()
    return models


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory, models: LoopbackModels) -> Iterator[Served]:
    running = serve(tmp_path_factory.mktemp("home"), models)
    yield running
    running.stop()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield running
        running.close()


@dataclass
class Watched:
    """A page, and what it should never do: complain, or ask another host for anything."""

    page: Page
    complaints: list[str]
    asked: list[str]


Opening = Callable[..., Page]


@pytest.fixture
def opening(browser: Browser, served: Served) -> Iterator[Opening]:
    """Opens pages on the server, each in a profile of its own; `where` is another server's address."""
    contexts: list[BrowserContext] = []
    watched: list[Watched] = []

    def opened(hash: str = "#/", *, where: str = served.url, **profile: Any) -> Page:
        context = browser.new_context(**({"viewport": {"width": 1100, "height": 820}} | profile))
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(15_000)
        seen = Watched(page, [], [])
        watched.append(seen)

        def complain(message: ConsoleMessage) -> None:
            # A refusal that a test provokes is shown on the page, and by the browser also here.
            if message.type in ("error", "warning") and "Failed to load resource" not in message.text:
                seen.complaints.append(message.text)

        page.on("console", complain)
        page.on("pageerror", lambda error: seen.complaints.append(str(error)))
        page.on("request", lambda request: seen.asked.append(request.url))
        page.goto(f"{where}/{hash}")
        return page

    yield opened
    for each in watched:
        assert each.complaints == []
        own = re.match(r"https?://[^/]+", each.page.url)
        assert [url for url in each.asked if not url.startswith((own[0] if own else "?", "data:"))] == []
    for context in contexts:
        context.close()


@pytest.fixture
def page(opening: Opening) -> Page:
    return opening()


def ask(
    page: Page, question: str, whom: str = "default", models: str = "", options: dict[str, str] | None = None
) -> None:
    """Ask on the page, as a user does. The page of the run opens."""
    page.get_by_label("Your question").fill(question)
    page.get_by_label("with", exact=True).select_option(whom)
    if models or options:
        if not page.get_by_label("Models").is_visible():
            page.get_by_text("Seats and options").click()
        page.get_by_label("Models").fill(models)
        for name, text in (options or {}).items():
            page.get_by_label(name, exact=True).fill(text)
    page.get_by_label("Your question").press("Enter")
    page.wait_for_url("**/#/runs/*")


def status(page: Page | Locator) -> Locator:
    """How a run ended, in words."""
    return page.locator(".outcome strong")


def artefact(page: Page, name: str, *, whole: bool = False) -> Path:
    """Keep a screenshot."""
    ARTEFACTS.mkdir(exist_ok=True)
    path = ARTEFACTS / f"{name}.png"
    page.screenshot(path=path, full_page=whole)
    return path
