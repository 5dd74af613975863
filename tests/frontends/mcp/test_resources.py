"""Past runs as resources, and the prompts a user can pick."""

import asyncio
import json
from pathlib import Path

import pytest
from mcp import Client, MCPError, types

from folkmoot.record.store import Home
from tests.frontends.mcp.clients import ERAS, QUICK, data_of, in_memory


async def read(client: Client, uri: str) -> str:
    (found,) = (await client.read_resource(uri)).contents
    assert isinstance(found, types.TextResourceContents)
    return found.text


@pytest.mark.parametrize("era", ERAS)
def test_runs_are_resources(era: str, tmp_path: Path) -> None:
    async def asked() -> None:
        async with in_memory(tmp_path, mode=era) as client:
            assert json.loads(await read(client, "folkmoot://runs")) == []
            said = data_of(await client.call_tool("folkmoot_vote", {"prompt": "What is 17 * 23?", "models": QUICK}))
            (row,) = json.loads(await read(client, "folkmoot://runs"))
            assert (row["id"], row["title"], row["status"]) == (said["run_id"], "What is 17 * 23?", said["status"])
            result = json.loads(await read(client, f"folkmoot://runs/{said['run_id']}"))
            assert result["winner"]["answer"] == said["answer"]
            assert "receipt" in result
            page = await read(client, f"folkmoot://runs/{said['run_id']}/final.md")
            assert said["answer"].splitlines()[0] in page
            listed = [str(each.uri) for each in (await client.list_resources()).resources]
            assert listed == ["folkmoot://runs", f"folkmoot://runs/{said['run_id']}/final.md"]
            templates = (await client.list_resource_templates()).resource_templates
            assert [each.uri_template for each in templates] == [
                "folkmoot://runs/{id}",
                "folkmoot://runs/{id}/final.md",
            ]

    asyncio.run(asked())


def test_a_page_that_is_gone_is_written_again_from_the_record(tmp_path: Path) -> None:
    async def asked() -> None:
        async with in_memory(tmp_path) as client:
            said = data_of(await client.call_tool("folkmoot_vote", {"prompt": "What is 17 * 23?", "models": QUICK}))
            uri = f"folkmoot://runs/{said['run_id']}/final.md"
            before = await read(client, uri)
            (Home(tmp_path).find(said["run_id"]).path / "final.md").unlink()
            assert await read(client, uri) == before

    asyncio.run(asked())


@pytest.mark.parametrize(
    "uri",
    [
        "folkmoot://runs/nobody", "folkmoot://runs/../secrets", "folkmoot://runs/..", "folkmoot://runs/..%2f..%2fetc",
        "folkmoot://runs/a/run.json", "folkmoot://panels", "file:///etc/passwd",
    ],
)  # fmt: skip
def test_what_is_no_run_cannot_be_read(uri: str, tmp_path: Path) -> None:
    async def asked() -> None:
        async with in_memory(tmp_path) as client:
            with pytest.raises(MCPError, match="there is no"):
                await client.read_resource(uri)

    asyncio.run(asked())


@pytest.mark.parametrize(
    "name, argument, tool",
    [
        ("second-opinion", "question", "folkmoot_ask"),
        ("red-team", "plan", "folkmoot_council and preset=redteam"),
        ("decide", "options", "folkmoot_debate and quick=true"),
    ],
)
def test_a_prompt_sends_the_clients_model_to_a_tool(name: str, argument: str, tool: str, tmp_path: Path) -> None:
    async def asked() -> None:
        async with in_memory(tmp_path) as client:
            listed = {each.name: each for each in (await client.list_prompts()).prompts}
            assert [each.name for each in listed[name].arguments or ()] == [argument]
            got = await client.get_prompt(name, {argument: "Tea {or} coffee?"})
            (message,) = got.messages
            assert isinstance(message.content, types.TextContent)
            assert tool in message.content.text
            assert "Tea {or} coffee?" in message.content.text
            with pytest.raises(MCPError, match=f"{name} needs {argument}"):
                await client.get_prompt(name, {argument: ""})
            with pytest.raises(MCPError, match="there is no prompt 'seance'"):
                await client.get_prompt("seance", {})

    asyncio.run(asked())
