"""Simulated seats: offline, seeded, and labelled as what they are.

They compute arithmetic, answer a few trick questions from a script, judge answers by what these conclude, and say
plainly that they cannot know anything else. The same request always gets the same answer: whatever looks random
comes from the run's seed, and nothing is remembered between calls.
"""

import asyncio
import math
import random
import re

from folkmoot.errors import InputError, ProviderError
from folkmoot.providers.base import BaseProvider, Settings, estimate_usage
from folkmoot.providers.sim.personas import PERSONAS, Persona, change_persona, read_character
from folkmoot.providers.sim.replies import reply
from folkmoot.types import Billing, Completion, OnText, Request

__all__ = ["PERSONAS", "Simulation", "open_provider"]

SPREAD = 0.5  # of the logarithm of a delay; what latencies of model APIs look like
CHUNKS = 4  # pieces in which a reply streams


def open_provider(name: str, settings: Settings) -> "Simulation":
    """Simulated seats. `settings.table` may hold parameters for all of them, e.g. `delay = 0`."""
    change_persona(Persona(), settings.table, f"[providers.{name}]")
    return Simulation(settings)


class Simulation(BaseProvider):
    """Answers as the persona that the request's model names, e.g. `careful` or `careful?skill=0.9&delay=0`."""

    billing: Billing = "free"

    def __init__(self, settings: Settings) -> None:
        self.table = settings.table

    def check_model(self, model: str) -> None:
        """Raises InputError for a model id that cannot be read, so that it is known before anything runs."""
        read_character(model, self.table)

    async def complete(self, request: Request, on_text: OnText) -> Completion:
        try:
            who = read_character(request.model, self.table)
        except InputError as error:
            raise ProviderError("model", str(error)) from error
        about = request.about
        draw = random.Random(f"{about.seed}|{about.seat.number}|{who.name}|{about.step}")
        fails = draw.random() < who.persona.fail
        pause = who.persona.delay * math.exp(SPREAD * draw.gauss()) / CHUNKS
        text, label = reply(request, who)
        for chunk in _chunks(text):
            await asyncio.sleep(pause)
            if fails:
                raise ProviderError("server", "this simulated call was meant to fail")
            on_text(chunk)
        return Completion(
            text=text,
            model=f"sim/{who.name} ({label})",
            usage=estimate_usage(request, text),
            usd=0.0,
        )


def _chunks(text: str) -> list[str]:
    """`text` in a few pieces that end where words do, at least one."""
    words = re.findall(r"\s*\S+\s*?(?=\s|$)|\s+", text) or [text]
    size = -(-len(words) // CHUNKS)
    return ["".join(words[at : at + size]) for at in range(0, len(words), size)]
