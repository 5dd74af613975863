"""Panels as seats: a panel answers a call like a model, inside the run that asks, on its purse, and never twice."""

import asyncio
import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from folkmoot import events
from folkmoot.core.journal import Journal
from folkmoot.core.limits import Limits, PriceOf, Purse
from folkmoot.errors import ProviderError
from folkmoot.execute import checked, execute, no_price, replay
from folkmoot.machine.config import Config
from folkmoot.machine.panels import Panel
from folkmoot.record.store import Home, RunFolder, RunSpec, Turn
from folkmoot.running.estimate import estimate
from folkmoot.running.nested import PanelProvider
from folkmoot.running.planning import Asked, plan
from folkmoot.running.runs import Machine, everybody
from folkmoot.testing import Reply, Script, ScriptedProvider
from folkmoot.types import Completion, Provider, Request, Result, Usage
from tests.play import lines, new_folder, prompt_of, review

INNER = Panel(protocol="vote", options={"early": "off"}, models=("scripted/a", "scripted/b", "scripted/c"))
EARLY_OFF = {"early": "off"}


def spec_with(
    panel: Panel = INNER,
    *,
    protocol: str = "vote",
    models: Sequence[str] = ("scripted/x", "panel/inner"),
    limits: Limits | None = None,
    panels: dict[str, Panel] | None = None,
    **options: object,
) -> RunSpec:
    config = Config(panels={"inner": panel, **(panels or {})}, providers={"scripted": {"base_url": "none"}})
    machine = Machine({"FOLKMOOT_HOME": "/nowhere"}, config, Home(Path("/nowhere")))
    asked = Asked(
        "What is 17 * 23?",
        protocol=protocol,
        models=models,
        options=options or (EARLY_OFF if protocol == "vote" else {}),
    )
    spec = plan(asked, machine).spec
    return checked(spec.model_copy(update={"limits": limits or Limits(retries=0)})).spec


def play(
    spec: RunSpec, script: Script | ScriptedProvider, folder: RunFolder | None = None, *, price: PriceOf = no_price
) -> tuple[Result, ScriptedProvider]:
    """The run's result, and the provider that answered for every seat in it."""
    scripted = script if isinstance(script, ScriptedProvider) else ScriptedProvider(script)
    providers: dict[str, Provider] = {"scripted": scripted}
    providers["panel"] = PanelProvider(spec.panels, providers, price)
    if folder is not None and not (folder.path / "run.json").exists():
        folder.path.mkdir(parents=True, exist_ok=True)
        folder.save(spec)
    return asyncio.run(execute(checked(spec), providers, folder=folder, purse=Purse(spec.limits, price))), scripted


def inner_folders(folder: RunFolder) -> list[RunFolder]:
    return [RunFolder(path) for path in sorted((folder.path / "panels").iterdir())]


def by_model(**answers: Reply) -> Callable[[Request], Reply]:
    return lambda request: answers[request.model]


class Metered(ScriptedProvider):
    billing = "metered"


def paid(answer: str, usd: float = 0.1) -> Completion:
    return Completion(text=answer, usd=usd, usage=Usage(input_tokens=10, output_tokens=10))


def a_cent_for_a_hundred(_model: str, usage: Usage) -> float:
    return (usage.input_tokens + usage.output_tokens) / 10_000


def test_a_panel_answers_like_a_model(tmp_path: Path) -> None:
    folder = new_folder(tmp_path)
    script = by_model(x="ANSWER: 390", a="ANSWER: 391", b="ANSWER: 391", c="ANSWER: 390")
    result, _ = play(spec_with(models=["scripted/x", "panel/inner", "scripted/a"]), script, folder)
    assert (result.status, result.answer) == ("voted", "ANSWER: 391")
    assert result.winner is not None and result.winner.model_id == "panel/inner"
    (inner,) = inner_folders(folder)
    assert inner.result() is not None and len(lines(inner, "finished")) == 3
    assert asyncio.run(replay(folder.spec(), folder)).outcome == result.outcome


def test_calls_and_money_inside_are_counted_by_the_run_that_asks() -> None:
    result, _ = play(spec_with(), Metered(paid("ANSWER: 1")))
    assert (result.total_calls, result.attempts, result.inside) == (2, 4, 2)
    assert result.cost_usd == pytest.approx(0.4)
    assert result.usage.input_tokens == 40
    panel = next(seat for seat in result.seats if seat.model == "panel/inner")
    assert panel.cost_usd == pytest.approx(0.3) and panel.billing == "nested"


def test_seats_inside_read_what_the_panel_was_asked_with_all_that_came_before() -> None:
    asked = spec_with(Panel(protocol="vote", models=("scripted/a",), system="Be brief.")).model_copy(
        update={"history": (Turn(role="user", text="Hello"), Turn(role="assistant", text="Hi"))}
    )
    _, scripted = play(asked, "ANSWER: 1")
    inside = next(each for each in scripted.requests if each.model == "a")
    outside = next(each for each in scripted.requests if each.model == "x")
    assert prompt_of(outside) in prompt_of(inside)
    assert inside.system.count(outside.system.split("\n")[0]) >= 1 and inside.system.endswith("Be brief.")
    assert [each.text for each in inside.messages[:-1]] == ["Hello", "Hi"]
    assert inside.about.question == "What is 17 * 23?"


def test_a_panel_can_be_inside_a_panel_and_judge() -> None:
    outer = Panel(protocol="vote", models=("inner", "scripted/y"))

    def script(request: Request) -> str:
        return "ANSWER: 391" if '"score"' not in prompt_of(request) else review(9)

    spec = spec_with(
        protocol="converge", models=["scripted/x", "panel/outer"], panels={"outer": outer}, rounds=1,
        stability_rounds=1, threshold=8,
    )  # fmt: skip
    result, scripted = play(spec, script)
    assert result.status == "converged"
    assert {request.model for request in scripted.requests} == {"x", "y", "a", "b", "c"}


def test_a_panel_that_comes_to_no_answer_is_a_seat_without_one() -> None:
    script = by_model(
        x="ANSWER: 1", a=ProviderError("auth", "no"), b=ProviderError("auth", "no"), c=ProviderError("auth", "no")
    )
    result, _ = play(spec_with(models=["scripted/x", "scripted/x", "panel/inner"]), script)
    assert result.answer == "ANSWER: 1" and result.degraded
    (failure,) = result.failures
    assert (failure.model_id, failure.kind) == ("panel/inner", "panel")
    assert not failure.dropped


def test_where_a_panel_chooses_none_its_leader_speaks_and_without_one_all_do() -> None:
    undecided = Panel(
        protocol="converge", models=("scripted/a", "scripted/b"), options={"rounds": 1, "stability_rounds": 1}
    )

    def script(request: Request) -> str:
        return f"{request.model} says so" if request.about.phase != "evaluate" else review(5)

    result, _ = play(spec_with(undecided, protocol="fanout", models=["panel/inner"]), script)
    assert [each.answer for each in result.outcome.answers] == ["a says so"]
    everybody_speaks = Panel(protocol="fanout", models=("scripted/a", "scripted/b"))
    result, _ = play(spec_with(everybody_speaks, protocol="fanout", models=["panel/inner"]), script)
    (said,) = [each.answer for each in result.outcome.answers]
    assert sorted(part.partition("\n")[2] for part in said.split("\n\n")) == ["a says so", "b says so"]
    assert "scripted" not in said


def test_a_panel_spends_from_the_budget_of_the_run_that_asks(tmp_path: Path) -> None:
    folder = new_folder(tmp_path)
    spec = spec_with(models=["panel/inner", "panel/inner"], limits=Limits(max_calls=4, retries=0))
    stopped, scripted = play(spec, "ANSWER: 1", folder)
    assert stopped.status == "max_calls" and len(scripted.requests) == 4

    amended = asyncio.run(_go_on(folder, Limits(max_calls=6, retries=0), more := ScriptedProvider("ANSWER: 1")))
    assert amended.status == "voted" and amended.attempts == 6
    assert len(more.requests) == 2, "what was finished inside is not asked again"


async def _go_on(folder: RunFolder, limits: Limits, scripted: ScriptedProvider) -> Result:
    journal = Journal(folder.journal)
    for step in list(journal.refused):
        journal.forget(step, "the limits have changed")
    journal.close()
    spec = folder.spec()
    providers: dict[str, Provider] = {"scripted": scripted}
    providers["panel"] = PanelProvider(spec.panels, providers, no_price)
    return await execute(
        replace(checked(spec), amend={"limits": limits.model_dump(exclude_unset=True)}), providers, folder=folder
    )


def test_a_budget_in_dollars_holds_over_all_levels() -> None:
    spec = spec_with(models=["panel/inner", "panel/inner", "panel/inner"], limits=Limits(budget=0.5, retries=0))
    result, scripted = play(spec, Metered(paid("ANSWER: 1", 0.15)), price=a_cent_for_a_hundred)
    assert result.cost_usd is not None and 0 < result.cost_usd <= 0.5
    assert result.status == "over_budget" and len(scripted.requests) == result.attempts < 9


def test_a_panels_own_budget_ends_the_panel_and_not_the_run() -> None:
    poor = INNER.model_copy(update={"max_calls": 2})
    result, _ = play(spec_with(poor, models=["scripted/x", "scripted/y", "panel/inner"]), "ANSWER: 1")
    assert result.status == "voted" and result.answer == "ANSWER: 1"


def test_wherever_it_is_cut_off_nothing_that_was_finished_inside_is_paid_again(tmp_path: Path) -> None:
    def script(request: Request) -> Completion:
        return paid(f"ANSWER: {ord(request.model)}")  # numbers need nobody to compare them

    whole, _ = play(spec_with(), Metered(script), complete := new_folder(tmp_path / "whole"))
    inner_lines = inner_folders(complete)[0].journal.read_bytes().splitlines(keepends=True)
    for kept in range(len(inner_lines) + 1):
        shutil.copytree(complete.path, tmp_path / str(kept) / "run")
        folder = new_folder(tmp_path / str(kept))
        outer = folder.journal.read_bytes().splitlines(keepends=True)
        folder.result_file.unlink()
        folder.journal.write_bytes(b"".join(line for line in outer if b'"seat":"s2"' not in line))
        (inner,) = inner_folders(folder)
        inner.result_file.unlink()
        inner.journal.write_bytes(b"".join(inner_lines[:kept]))
        finished = sum(b'"kind":"finished"' in line for line in inner_lines[:kept])

        again, more = play(folder.spec(), Metered(script), folder)
        assert len(more.requests) == 3 - finished
        begun = sum(b'"kind":"started"' in line for line in inner_lines[:kept])
        assert again.outcome == whole.outcome
        # what was being asked when it was cut off may have been billed
        assert again.cost_usd == (None if begun > finished else pytest.approx(0.4))
        assert again.attempts == whole.attempts


def test_a_panel_that_is_asked_again_asks_only_its_failed_seats_again(tmp_path: Path) -> None:
    folder = new_folder(tmp_path)
    silent = by_model(x="ANSWER: 1", a=ProviderError("auth", "no"), b=ProviderError("auth", "no"), c="")
    first, _ = play(spec_with(INNER.model_copy(update={"models": ("scripted/a", "scripted/b")})), silent, folder)
    assert [each.kind for each in first.failures] == ["panel"]
    journal = Journal(folder.journal)
    journal.forget(first.failures[0].step, "asked again")
    journal.close()
    result, scripted = play(folder.spec(), by_model(x="", a="ANSWER: 1", b="ANSWER: 1"), folder)
    assert result.status == "voted" and not result.failures
    assert sorted(each.model for each in scripted.requests) == ["a", "b"]


def test_no_seat_outside_learns_who_sits_inside() -> None:
    result, scripted = play(
        spec_with(protocol="converge", rounds=1, stability_rounds=1),
        lambda request: "ANSWER: 1" if '"score"' not in prompt_of(request) else review(8),
    )
    assert result.outcome.answers
    for request in scripted.requests:
        assert "scripted/" not in prompt_of(request) and "inner" not in prompt_of(request)


def test_attachments_a_panel_takes_are_those_that_all_its_seats_take() -> None:
    class Sighted(ScriptedProvider):
        attachments = frozenset({"image/png", "application/pdf"})

    class Seeing(ScriptedProvider):
        attachments = frozenset({"image/png"})

    spec = spec_with(Panel(protocol="vote", models=("scripted/a", "sim/b")))
    provider = PanelProvider(spec.panels, {"scripted": Sighted(""), "sim": Seeing("")}, no_price)
    assert provider.attachments == {"image/png"}


def test_a_dry_run_counts_the_calls_inside() -> None:
    plain = asyncio.run(estimate(checked(spec_with(models=["scripted/x", "scripted/y"])), no_price))
    nested = asyncio.run(estimate(checked(spec_with(models=["scripted/x", "panel/inner"])), no_price))
    assert (plain.typical_calls, nested.typical_calls) == (2, 4)
    assert nested.total_calls >= 4


def test_everybody_in_a_run_is_looked_at_before_it_begins() -> None:
    assert [seat.model for seat in everybody(spec_with())] == [
        "scripted/x", "panel/inner", "scripted/a", "scripted/b", "scripted/c"
    ]  # fmt: skip


def test_a_spec_with_panels_survives_its_file(tmp_path: Path) -> None:
    folder = new_folder(tmp_path)
    folder.path.mkdir(parents=True)
    folder.save(spec := spec_with())
    assert folder.spec() == spec
    assert "panels" in json.loads((folder.path / "run.json").read_text())


def test_whoever_watches_sees_what_goes_on_inside() -> None:
    heard: list[events.Event] = []
    spec = spec_with()
    providers: dict[str, Provider] = {"scripted": ScriptedProvider("ANSWER: 1")}
    providers["panel"] = PanelProvider(spec.panels, providers, no_price)
    asyncio.run(execute(checked(spec), providers, listeners=[heard.append]))
    inside = [each for each in heard if isinstance(each, events.Inside)]
    assert {each.seat for each in inside} == {"s2"} and {each.step for each in inside} == {"r1/answer/s2"}
    assert sum(isinstance(each.happened, events.CallFinished) for each in inside) == 3
    assert events.as_json(inside[0])["event"] == "inside"
