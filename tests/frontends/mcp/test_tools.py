"""The tools: what is listed, what each asks, what comes back, and what is refused before anything is spent."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from folkmoot.errors import InputError
from folkmoot.frontends.mcp.arguments import Ask, EnsembleDebate, protocol_arguments, read_arguments
from folkmoot.protocols import find_protocol, protocol_names
from folkmoot.record.store import Home, RunSpec
from tests.frontends.mcp.clients import ERAS, QUICK, Told, data_of, in_memory, text_of

ARITHMETIC = "What is 17 * 23?"


def specs(home: Path) -> list[RunSpec]:
    return [folder.spec() for folder in Home(home).folders()]


def test_every_protocol_is_a_tool_with_its_options(tmp_path: Path) -> None:
    async def listed() -> dict[str, Any]:
        async with in_memory(tmp_path) as client:
            return {tool.name: tool for tool in (await client.list_tools()).tools}

    tools = asyncio.run(listed())
    for name in protocol_names():
        tool = tools[f"folkmoot_{name}"]
        options = set(find_protocol(name).options.model_fields) - {"calibration", "value"}  # files
        assert set(tool.input_schema["properties"]) == options | set(Ask.model_fields)
        assert tool.input_schema["required"] == ["prompt"]
        assert "model calls" in tool.description
    rest = {"ensemble_debate", "folkmoot_start", "folkmoot_poll", "folkmoot_cancel"}
    assert set(tools) == {f"folkmoot_{name}" for name in protocol_names()} | rest
    assert all(tool.output_schema["type"] == "object" for tool in tools.values())


def test_ensembles_tool_has_ensembles_arguments_and_defaults() -> None:
    defaults = {name: field.default for name, field in EnsembleDebate.model_fields.items() if not field.is_required()}
    assert [*EnsembleDebate.model_fields] == ["prompt", "quick", "rounds", "models", "ground", "budget"]
    assert defaults == {"quick": True, "rounds": 5, "models": None, "ground": False, "budget": None}


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("name", protocol_names())
def test_what_a_tool_hands_back_is_what_its_schema_says(name: str, era: str, tmp_path: Path) -> None:
    async def asked() -> None:
        async with in_memory(tmp_path, mode=era) as client:
            await client.list_tools()  # from now on the client checks what comes back against the schemas
            said = await client.call_tool(f"folkmoot_{name}", {"prompt": ARITHMETIC, "models": QUICK})
            assert not said.is_error
            assert data_of(said)["run_id"] in text_of(said)
            if (answer := data_of(said)["answer"]) is not None:
                assert text_of(said).startswith(answer), "the answer comes first"

    asyncio.run(asked())
    assert [spec.protocol for spec in specs(tmp_path)] == [name]


def test_the_options_of_a_protocol_reach_the_run(tmp_path: Path) -> None:
    async def asked() -> None:
        async with in_memory(tmp_path) as client:
            given = {"prompt": "Which?", "models": QUICK, "threshold": 9.5, "rounds": 2, "budget": 2, "max_calls": 40}
            await client.call_tool("folkmoot_converge", {**given, "role": {"s2": "skeptic"}, "closing": None})

    asyncio.run(asked())
    (spec,) = specs(tmp_path)
    assert (spec.options["threshold"], spec.options["rounds"]) == (9.5, 2)
    assert (spec.limits.budget, spec.limits.max_calls) == (2, 40)
    assert [seat.role for seat in spec.seats] == [None, "skeptic", None]


def test_a_debate_by_ensembles_tool_is_a_quick_debate(tmp_path: Path) -> None:
    async def asked() -> None:
        async with in_memory(tmp_path) as client:
            said = await client.call_tool("ensemble_debate", {"prompt": ARITHMETIC, "models": QUICK})
            assert data_of(said)["protocol"] == "debate"

    asyncio.run(asked())
    (spec,) = specs(tmp_path)
    assert (spec.options["rounds"], spec.options["ground"]) == (1, False), "quick goes before rounds"


def test_a_saved_panel_has_a_tool_and_is_an_argument(tmp_path: Path) -> None:
    (tmp_path / "panels").mkdir()
    (tmp_path / "panels" / "trio.toml").write_text(
        f'description = "three of them"\nprotocol = "vote"\nmodels = {json.dumps(QUICK)}\n[options]\nties = "weight"\n'
    )

    async def asked() -> None:
        async with in_memory(tmp_path) as client:
            tools = {tool.name: tool for tool in (await client.list_tools()).tools}
            assert "trio (vote: three of them)" in (tools["folkmoot_panel"].description or "")
            await client.call_tool("folkmoot_panel", {"panel": "trio", "prompt": ARITHMETIC})
            await client.call_tool("folkmoot_fanout", {"panel": "trio", "prompt": ARITHMETIC})
            refused = await client.call_tool("folkmoot_panel", {"panel": "duo", "prompt": ARITHMETIC})
            assert refused.is_error
            assert "duo" in text_of(refused)

    asyncio.run(asked())
    assert {(spec.protocol, spec.options.get("ties")) for spec in specs(tmp_path)} == {
        ("vote", "weight"),
        ("fanout", None),
    }


@pytest.mark.parametrize(
    "tool, given, said",
    [
        ("folkmoot_ask", {"prompt": " "}, "prompt: there is nothing to ask"),
        ("folkmoot_ask", {}, "prompt: Field required"),
        ("folkmoot_ask", {"prompt": "x", "model": "sim"}, "there is no argument 'model'; did you mean 'models'?"),
        ("folkmoot_ask", {"prompt": "x", "models": ["nobody/knows"]}, "nobody"),
        ("folkmoot_ask", {"prompt": "x", "models": QUICK, "panel": "trio"}, "panel, models: name one of the two"),
        ("folkmoot_ask", {"prompt": "x", "models": QUICK, "role": {"s9": "skeptic"}}, "role: 's9' means no seat"),
        ("folkmoot_ask", {"prompt": "x", "models": QUICK, "budget": -1}, "budget: "),
        ("folkmoot_ask", {"prompt": "x", "models": QUICK, "files": ["a.md"]}, "files: this server sends no files"),
        ("folkmoot_converge", {"prompt": "x", "models": QUICK, "rounds": "many"}, "rounds: "),
        ("folkmoot_start", {"models": QUICK}, "prompt: there is nothing to ask; or name a run to go on with"),
        ("folkmoot_start", {"prompt": "x", "protocol": "seance", "models": QUICK}, "no protocol is called 'seance'"),
        ("folkmoot_start", {"resume": "19700101"}, "there is no run '19700101'"),
        ("folkmoot_start", {"resume": "19700101", "prompt": "x"}, "prompt: resume goes on with what was asked"),
        ("folkmoot_poll", {"run_id": "19700101"}, "there is no run '19700101'"),
        ("folkmoot_poll", {"run_id": "../../etc"}, "there is no run '../../etc'"),
        ("folkmoot_cancel", {"run_id": ".."}, "there is no run '..'"),
    ],
)
def test_what_is_wrong_is_said_in_lines_and_nothing_is_spent(
    tool: str, given: dict[str, Any], said: str, tmp_path: Path
) -> None:
    async def asked() -> None:
        async with in_memory(tmp_path) as client:
            refused = await client.call_tool(tool, given)
            assert refused.is_error
            assert said in text_of(refused)
            assert "Traceback" not in text_of(refused)

    asyncio.run(asked())
    assert specs(tmp_path) == []


@pytest.mark.parametrize(
    "sent, read",
    [
        (["a", "b"], ["a", "b"]),
        ("a, b", ["a, b"]),  # --models reads commas
        ('["a", "b"]', ["a", "b"]),
        ("[a", ["[a"]),
        (None, []),
    ],
)
def test_a_list_is_read_as_clients_write_it(sent: Any, read: list[str]) -> None:
    arguments = protocol_arguments(find_protocol("fanout"))
    assert read_arguments(arguments, {"prompt": "x", "models": sent}).models == read


@pytest.mark.parametrize("sent", [1, {"a": 1}, [1], '["a", 1]'])
def test_a_list_that_is_not_there_is_not_invented(sent: Any) -> None:
    arguments = protocol_arguments(find_protocol("fanout"))
    with pytest.raises(InputError, match="models"):
        read_arguments(arguments, {"prompt": "x", "models": sent})


def test_files_of_the_project_are_sent_along(tmp_path: Path) -> None:
    project = tmp_path / "project"
    (project / ".git").mkdir(parents=True)
    (project / "plan.md").write_text("Buy a boat.")
    (project / ".env").write_text("SECRET=1")
    (project / ".git" / "config").write_text("x")
    (project / "way-out").symlink_to(tmp_path)
    (tmp_path / "other.md").write_text("x")

    async def asked() -> None:
        async with in_memory(tmp_path / "home", root=project) as client:
            given = {"prompt": "Is this wise?", "models": QUICK, "files": ["plan.md"]}
            await client.call_tool("folkmoot_fanout", given)
            for name in ("../other.md", str(tmp_path / "other.md"), "way-out/other.md", ".env", ".git/config"):
                refused = await client.call_tool("folkmoot_fanout", {**given, "files": [name]})
                assert refused.is_error, name
                assert text_of(refused).startswith(f"files: {name} is "), name

    asyncio.run(asked())
    (spec,) = specs(tmp_path / "home")
    assert "Buy a boat." in spec.prompt
    assert spec.title == "Is this wise?"


@pytest.mark.parametrize("era", ERAS)
def test_progress_grows_with_every_report(era: str, tmp_path: Path) -> None:
    told = Told()

    async def asked() -> None:
        async with in_memory(tmp_path, mode=era) as client:
            given = {"prompt": ARITHMETIC, "models": QUICK}
            await client.call_tool("folkmoot_council", given, progress_callback=told)

    asyncio.run(asked())
    assert told.values == sorted(set(told.values)), "a value that does not grow is against the protocol"
    assert any("rank" in line for line in told.lines)
    assert any(line.startswith("sim/hasty") for line in told.lines)
    assert all(total is None or value <= total for value, total in zip(told.values, told.totals, strict=True))


def test_silence_is_broken_while_nothing_happens(tmp_path: Path) -> None:
    async def asked() -> None:
        async with in_memory(tmp_path, heartbeat=0.01) as client:
            waited = asyncio.Event()

            async def told(progress: float, total: float | None, message: str | None) -> None:  # noqa: ARG001
                if message and message.startswith("waiting for sim/careful"):
                    waited.set()

            given = {"prompt": ARITHMETIC, "models": ["sim/careful?delay=30"]}
            call = asyncio.create_task(client.call_tool("folkmoot_fanout", given, progress_callback=told))
            await asyncio.wait_for(waited.wait(), 10)
            call.cancel()
            await asyncio.wait({call})

    asyncio.run(asked())
