"""What can happen to a panel: how seats answer well, the ways in which they fail, and what must hold whatever happens.

The laws over all protocols begin here. A protocol that is added tomorrow takes part by being registered.
"""

import asyncio
import io
import json
from collections.abc import Awaitable, Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, cast, get_args, get_origin

import pytest

from folkmoot import events
from folkmoot.core.journal import Journal
from folkmoot.core.limits import Limits, PriceOf, Purse
from folkmoot.errors import InputError, ProviderError
from folkmoot.execute import checked, execute, no_price, replay
from folkmoot.protocols import check_options, find_protocol, protocol_names
from folkmoot.providers.sim.personas import read_character
from folkmoot.providers.sim.replies import reply as simulate
from folkmoot.record.markdown import final_page
from folkmoot.record.store import RunFolder, RunSpec
from folkmoot.render.as_json import result_json
from folkmoot.render.plain import PlainView
from folkmoot.render.text import answer_text, report_text, status_text
from folkmoot.testing import Reply, ScriptedProvider
from folkmoot.types import Completion, Request, Result, Usage
from tests.play import ONE_ATTEMPT, spec_for

PROTOCOLS = sorted(protocol_names())
EVERY = pytest.mark.parametrize("name", PROTOCOLS)

Says = Callable[[Request], Reply | Awaitable[Reply]]

TRAP = "I want to wash my car. The car wash is 100 m away. Should I drive or walk?"
"""A question on which simulated seats disagree, so that every phase that a disagreement leads to is reached."""


# Seats that answer


def agreeing(request: Request) -> Reply:
    """The example of the format: everybody says the same and is content."""
    return request.about.example


PERSONAS = ("hasty", "careful", "contrarian", "follower", "learner")


def quarrelling(request: Request) -> Reply:
    """What a simulated seat says. Their personas differ, and so do their answers."""
    persona = PERSONAS[(request.about.seat.number - 1) % len(PERSONAS)]
    return simulate(request, read_character(persona, {}))[0]


def stubborn(request: Request) -> Reply:
    """An answer of its own from every seat, and the example where others are judged."""
    about = request.about
    own = {"text": "{0} thinks so.", "keyed": "Work.\n\nANSWER: {0}", "confident": "{0} thinks so.\n\nConfidence: 0.4"}
    return own.get(about.format, about.example.replace("{", "{{").replace("}", "}}")).format(about.seat.name)


def careful(request: Request) -> Reply:
    """What the simulated seat says that is always right, so that nothing surprising happens."""
    return simulate(request, read_character("careful", {}))[0]


FREE_TEXT = frozenset({"text", "keyed", "confident"})
"""The formats that take any text as an answer."""

HEALTHY: Mapping[str, Says] = {"agreeing": agreeing, "quarrelling": quarrelling, "stubborn": stubborn}


# Seats that do not


async def hang(_: Request) -> Reply:
    await asyncio.Event().wait()
    raise AssertionError("nobody ends this")


FAILURES: Mapping[str, Says] = {
    "server": lambda _: ProviderError("server", "overloaded"),
    "auth": lambda _: ProviderError("auth", "the key was refused"),
    "timeout": lambda _: ProviderError("timeout", "no answer within 300 s"),
    "hang": hang,
    "empty": lambda _: " \n",
    "garbage": lambda _: '%$ {"[ <| 7 7 7 |> ]"} \\u{d8}',
    "refusal": lambda _: "I can't help with that.",
}
PATIENCE = 0.03  # seconds until a seat that hangs is given up; a healthy one may be given up too, if the machine sleeps


@dataclass
class Failing:
    """`healthy`, but for some seats in some phase, which fail. Keeps the steps that did."""

    healthy: Says
    failure: Says
    phase: str | None = None  # None: in every phase
    seats: Container[int] = range(1, 1000)  # by their number
    failed: set[str] = field(default_factory=set)

    def __call__(self, request: Request) -> Reply | Awaitable[Reply]:
        if self.phase not in (None, phase_of(request)) or request.about.seat.number not in self.seats:
            return self.healthy(request)
        self.failed.add(request.about.step.removesuffix("+repair"))
        return self.failure(request)


def rocky(request: Request) -> Reply:
    """A quarrel in which one seat is away in the first round and another has to be asked twice by all who judge."""
    about = request.about
    if about.seat.name == "s3" and about.round == 1:
        return ProviderError("server", "overloaded")
    if about.seat.name == "s2" and about.format != "text" and not about.step.endswith("+repair"):
        return "I would rather not say."
    return quarrelling(request)


# Runs


@dataclass
class Played:
    """A run of the past, with all there is to know of it."""

    spec: RunSpec
    result: Result
    heard: list[events.Event]
    requests: list[Request]
    journal: Journal

    @property
    def steps(self) -> list[str]:
        return [request.about.step for request in self.requests]

    @property
    def phases(self) -> list[str]:
        """Those in which somebody was asked, in order; with the scope, if a protocol ran inside another."""
        return list(dict.fromkeys(phase_of(request) for request in self.requests))


def phase_of(request: Request) -> str:
    step = request.about.step
    return step[: step.index("r" + str(request.about.round) + "/")] + request.about.phase


def run_of(
    name: str | RunSpec,
    script: Says,
    seats: int | Sequence[str] = 4,
    *,
    folder: RunFolder | None = None,
    journal: Journal | None = None,
    price: PriceOf = no_price,
    billing: Literal["metered", "free"] = "free",
    **asked: Any,
) -> Played:
    """A run, in memory if there is no `folder`. It must end by itself within a minute."""
    spec = name if isinstance(name, RunSpec) else spec_for(name, seats, **({"prompt": TRAP} | asked))
    provider = ScriptedProvider(script)
    provider.billing = billing
    heard: list[events.Event] = []
    journal = journal or (Journal(None) if folder is None else None)
    providers = dict.fromkeys({seat.provider for seat in spec.seats}, provider)

    async def bounded() -> Result:
        async with asyncio.timeout(60):
            return await execute(
                checked(spec),
                providers,
                folder=folder,
                journal=journal,
                listeners=[heard.append],
                purse=Purse(spec.limits, price),
            )

    result = asyncio.run(bounded())
    return Played(spec, result, heard, provider.requests, cast(Journal, journal))


def variants(name: str) -> Iterator[dict[str, Any]]:
    """The default options, then each yes-or-no and each choice among words taken the other way, over fewer rounds."""
    yield {}
    registered = find_protocol(name)
    fewer = {"rounds": 2} if "rounds" in registered.options.model_fields else {}
    for option, told in registered.options.model_fields.items():
        choices: Sequence[Any] = (True, False) if told.annotation is bool else ()
        if get_origin(told.annotation) is Literal:
            choices = get_args(told.annotation)
        for choice in choices:
            if choice == told.default:
                continue
            given = {option: choice} | fewer | FURTHER.get((option, choice), {})
            try:
                check_options(registered, given)
            except InputError as error:
                raise AssertionError(f"{name} with {given}: say in FURTHER what belongs to it") from error
            yield given
    yield from MORE.get(name, ())


FURTHER: Mapping[tuple[str, Any], dict[str, Any]] = {("strategy", "semantic"): {"embedding_backend": "words"}}
"""What else must be given with an option."""

MORE: Mapping[str, Sequence[dict[str, Any]]] = {
    "council": [{"preset": each} for each in ("redteam", "premortem", "oxford")]
}
"""Choices that are no enumeration."""


def with_one_round(name: str) -> dict[str, Any]:
    """One round, where a protocol can be told so."""
    few = {"rounds": 1, "converge_rounds": 1, "stability_rounds": 1}
    return {option: value for option, value in few.items() if option in find_protocol(name).options.model_fields}


PRICE = 1e-4  # USD for a token that was written; what is read costs nothing
REPLY = Usage(input_tokens=100, output_tokens=100)


def priced(_model: str, usage: Usage) -> float:
    return usage.output_tokens * PRICE


def billed(script: Says) -> Says:
    """`script`, at a cent for each reply."""

    def says(request: Request) -> Reply | Awaitable[Reply]:
        reply = script(request)
        return Completion(text=reply, usage=REPLY, usd=REPLY.output_tokens * PRICE) if isinstance(reply, str) else reply

    return says


# What must hold

STOPPED = ("over_budget", "max_calls", "stalled", "failed", "insufficient_models")


def check(played: Played) -> None:
    """Whatever happened: there is a result that tells it, keeps what was won, and can be computed again."""
    _is_a_result(played)
    _keeps_what_was_offered(played)
    _lists_its_failures(played)
    _says_what_it_counted(played)
    _can_be_shown(played)
    _can_be_replayed(played)


def _is_a_result(played: Played) -> None:
    result, spec = played.result, played.spec
    registered = find_protocol(spec.protocol)
    members = sum(seat.duty == "member" for seat in spec.seats)
    most = registered.max_calls(registered.options.model_validate(spec.options), members)
    assert result.total_calls <= most, f"{result.total_calls} calls, and the formula allows {most}"
    begun = {step.removesuffix("+repair") for step in played.steps}
    assert len(begun) <= most, f"{len(begun)} calls were begun, and the formula allows {most}"
    assert result.exit_code in (0, 1, 2, 3)
    assert (result.exit_code == 0) == result.outcome.met
    assert result.status not in ("nothing_offered", "unfinished", "asking"), result.status
    assert not result.outcome.met or result.answer or result.outcome.answers
    names = {seat.name for seat in spec.seats}
    assert {result.outcome.winner, result.outcome.leader} <= names | {None}


def _keeps_what_was_offered(played: Played) -> None:
    outcome = played.result.outcome
    offered = [each.outcome for each in played.heard if isinstance(each, events.Offered) and each.outcome.answers]
    if not offered:
        return
    assert outcome.answers, f"{offered[-1].status} was offered, and the result is {outcome.status} without any answer"
    if outcome.status in STOPPED and (offered[-1].winner or offered[-1].leader):
        assert outcome.answer, f"there was a leader, and the result is {outcome.status} without its answer"


def _lists_its_failures(played: Played) -> None:
    happened = {each.step for each in played.heard if isinstance(each, events.CallFailed)}
    listed = {each.step for each in played.result.failures}
    assert listed <= happened
    if played.spec.options.get("early", "off") == "off" and played.result.status not in STOPPED:
        assert listed == happened  # otherwise some may have come after the decision
    assert played.result.degraded == bool(listed or played.result.dropped)


def _says_what_it_counted(played: Played) -> None:
    """Every ballot names a call of the run, one without a reply has no value, and what leads is what was chosen."""
    outcome = played.result.outcome
    read = {each.step for each in played.heard if isinstance(each, events.CallFinished)}
    for count in outcome.counts:
        assert {each.step for each in count.ballots if each.value is not None} <= read
        assert all(each.step.startswith(count.scope) for each in count.ballots)
    if outcome.status not in STOPPED:
        assert any(count.ballots for count in outcome.counts)
    chosen = [each for count in outcome.counts for each in count.outcome.totals if each.chosen]
    if outcome.leader and chosen and played.spec.options.get("judging_method") != "default":
        assert any(outcome.leader == each.about or outcome.leader in each.seats for each in chosen)


def _can_be_shown(played: Played) -> None:
    result = played.result
    written = json.dumps(result_json(result), allow_nan=False)
    assert json.loads(written)["status"] == result.status
    assert Result.model_validate_json(result.model_dump_json()) == result
    page = io.StringIO()
    with PlainView(page) as view:
        for event in played.heard:
            view(event)
            events.as_json(event)
    assert page.getvalue().strip()
    assert report_text(result, colour=False).strip() and status_text(result).strip()
    answer_text(result)
    assert final_page(result, [], played.spec.prompt).strip()


def _can_be_replayed(played: Played) -> None:
    again = asyncio.run(replay(played.spec, None, journal=played.journal))
    assert told(again) == told(played.result)
    resumed = run_of(played.spec, agreeing, journal=played.journal)
    assert resumed.steps == []
    assert told(resumed.result) == told(played.result)


def told(result: Result) -> tuple[object, ...]:
    """A result without what depends on the clock and on who computes it."""
    return (
        result.outcome, result.failures, result.dropped, result.degraded,
        result.total_calls, result.attempts, result.repairs, result.usage, result.cost_usd,
    )  # fmt: skip


def limits(**given: Any) -> Limits:
    return ONE_ATTEMPT.model_copy(update=given)
