"""People: `human/NAME` is a person who reads the very prompt that a model would get, and answers within a deadline.

Where the person is asked, on a terminal, a web page or through an MCP client, is the business of whoever runs Folkmoot:
`Settings.people`. The deadline is a parameter of the seat, `human/ann?deadline=600`, or in config.toml:

    [providers.human]
    deadline = 600                     # seconds for one question
"""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import parse_qsl

from folkmoot.errors import InputError, ProviderError
from folkmoot.providers.base import BaseProvider, People, Settings
from folkmoot.types import Billing, Completion, OnText, Request, Usage

HOUR = 3600.0
LONGEST = 30 * 24 * HOUR
NAME = re.compile(r"[\w.-]{1,64}")


def open_provider(name: str, settings: Settings) -> "Human":
    """People, asked where `settings.people` reaches them. Raises InputError where nobody can be asked."""
    standard = _deadline(settings.table, f"[providers.{name}]", HOUR)
    if settings.people is None:
        raise InputError(
            f"{name}/NAME is a person, and nobody can be asked here: run it in a terminal, or answer on the web page "
            "of `folkmoot serve`, or from an MCP client that can ask its user"
        )
    return Human(settings.people, standard)


class Human(BaseProvider):
    """Hands each request to where people are asked, and waits until the deadline."""

    billing: Billing = "free"
    streams = False
    unsupported = frozenset({"temperature", "effort", "max_tokens"})
    timeout = 2 * LONGEST + 60  # of a step with its repair: never before the deadlines, which differ from seat to seat

    def __init__(self, people: People, standard: float) -> None:
        self._people, self._standard = people, standard

    def check_model(self, model: str) -> None:
        """Raises InputError for what can be no person's name, and for a deadline that is none."""
        read_person(model, self._standard)

    async def complete(self, request: Request, on_text: OnText) -> Completion:
        try:
            name, seconds = read_person(request.model, self._standard)
        except InputError as error:
            raise ProviderError("model", str(error)) from error
        asked = replace(request, model=f"{name}?deadline={seconds:g}")  # so that whoever asks can say so
        try:
            async with asyncio.timeout(seconds) as limit:
                text = await self._people.ask(name, asked)
        except TimeoutError:
            if not limit.expired():
                raise
            raise ProviderError("late", f"{name} did not answer within {seconds:g} s") from None
        if not text.strip():
            raise ProviderError("empty", f"{name} wrote nothing")
        return Completion(text=text, model=name, usage=Usage(), usd=0.0)


def read_person(model: str, standard: float = HOUR) -> tuple[str, float]:
    """The person's name, and the seconds that person has for an answer.

    Raises InputError for a name or a deadline that is none.

    >>> read_person("ann"), read_person("ann?deadline=90")
    (('ann', 3600.0), ('ann', 90.0))
    """
    name, _, query = model.partition("?")
    where = f"human/{model}"
    if not NAME.fullmatch(name):
        raise InputError(f"{where}: a person's name is made of letters, digits, `-`, `_` and `.`, at most 64")
    try:
        given = dict(parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query)))
    except ValueError:
        raise InputError(f"{where}: write the deadline as human/{name}?deadline=SECONDS") from None
    return name, _deadline(given, where, standard)


def _deadline(given: Mapping[str, object], where: str, standard: float) -> float:
    """`deadline` among `given`, where nothing else may stand."""
    if unknown := [key for key in given if key != "deadline"]:
        raise InputError(f"{where}: there is no parameter {unknown[0]!r}; there is deadline")
    value = given.get("deadline", standard)
    try:
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise ValueError
        seconds = float(value)
    except ValueError:
        raise InputError(f"{where}: deadline is {value!r}, not a number of seconds") from None
    if not 0 < seconds <= LONGEST:  # also refuses nan
        raise InputError(f"{where}: deadline is {seconds:g}, not above 0 and at most {LONGEST:g} seconds (30 days)")
    return seconds
