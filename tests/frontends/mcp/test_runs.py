"""Runs: begun in the background, looked at, ended, gone on with; and what becomes of them when a client leaves."""

import asyncio
from pathlib import Path

import pytest
from mcp import Client

from folkmoot.core import journal
from folkmoot.record.store import Home
from tests.frontends.mcp.clients import ERAS, QUICK, SLOW, data_of, in_memory, text_of

QUESTION = {"prompt": "What is 17 * 23?", "models": QUICK}


async def polled_to_the_end(client: Client, run_id: str) -> list[str]:
    """Every line of a run, poll by poll, until its state is no longer running."""
    lines: list[str] = []
    cursor, state = 0, "running"
    while state == "running":
        poll = data_of(await client.call_tool("folkmoot_poll", {"run_id": run_id, "cursor": cursor}))
        lines += poll["lines"]
        cursor, state = poll["cursor"], poll["state"]
    return lines


@pytest.mark.parametrize("era", ERAS)
def test_a_run_that_was_started_is_polled_until_its_answer(era: str, tmp_path: Path) -> None:
    async def asked() -> None:
        async with in_memory(tmp_path, mode=era) as client:
            await client.list_tools()
            started = data_of(await client.call_tool("folkmoot_start", {**QUESTION, "protocol": "converge"}))
            assert started["run_id"]
            lines = await polled_to_the_end(client, started["run_id"])
            last = await client.call_tool("folkmoot_poll", {"run_id": started["run_id"]})
            state = data_of(last)
            assert state["state"] == "ended"
            assert state["lines"][-len(lines) :] == lines, "nothing is told twice, and nothing is lost"
            assert state["result"]["protocol"] == "converge"
            assert text_of(last).startswith(state["result"]["answer"])

    asyncio.run(asked())


def test_a_poll_does_not_wait_longer_than_it_is_told_to(tmp_path: Path) -> None:
    async def asked() -> None:
        async with in_memory(tmp_path) as client:
            started = data_of(await client.call_tool("folkmoot_start", {**QUESTION, "models": SLOW}))
            poll = await client.call_tool("folkmoot_poll", {"run_id": started["run_id"], "wait_seconds": 0})
            assert data_of(poll)["state"] == "running"
            assert f"{started['run_id']} is running" in text_of(poll)
            too_long = await client.call_tool("folkmoot_poll", {"run_id": started["run_id"], "wait_seconds": 60})
            assert "wait_seconds: Input should be less than or equal to 25" in text_of(too_long)

    asyncio.run(asked())


@pytest.mark.parametrize("era", ERAS)
def test_a_cancelled_run_ends_and_can_be_resumed(era: str, tmp_path: Path) -> None:
    async def asked() -> None:
        async with in_memory(tmp_path, mode=era) as client:
            await client.list_tools()
            models = ["sim/careful?delay=0", "sim/hasty?delay=30"]
            started = data_of(
                await client.call_tool("folkmoot_start", {**QUESTION, "models": models, "protocol": "fanout"})
            )
            run_id = started["run_id"]
            calls = 0
            while not calls:  # one has answered, the other is being waited for
                poll = await client.call_tool("folkmoot_poll", {"run_id": run_id, "wait_seconds": 0.01})
                calls = data_of(poll)["calls"]
            by_name = await client.call_tool("folkmoot_poll", {"run_id": run_id[-4:], "wait_seconds": 0.01})
            assert data_of(by_name)["run_id"] == run_id and data_of(by_name)["state"] == "running"
            cancelled = await client.call_tool("folkmoot_cancel", {"run_id": "last"})
            assert data_of(cancelled)["state"] == "cancelled"
            assert data_of(cancelled)["result"]["status"] == "cancelled"
            assert "resume" in text_of(cancelled)
            assert not journal.held(Home(tmp_path).find(run_id).journal)
            resumed = data_of(await client.call_tool("folkmoot_start", {"resume": run_id}))
            assert resumed["run_id"] == run_id
            assert resumed["state"] == "running"

    asyncio.run(asked())


def test_going_on_pays_nothing_twice(tmp_path: Path) -> None:
    async def asked() -> None:
        async with in_memory(tmp_path) as client:
            first = data_of(await client.call_tool("folkmoot_fanout", {**QUESTION, "max_calls": 2}))
            assert first["status"] == "max_calls"
            assert first["go_on"].startswith(f"folkmoot_start(resume='{first['run_id']}')")
            await client.call_tool("folkmoot_start", {"resume": first["run_id"], "max_calls": 10})
            await polled_to_the_end(client, first["run_id"])
            result = Home(tmp_path).find(first["run_id"]).result()
            assert result is not None
            assert (result.status, result.attempts) == ("answered", 3)

    asyncio.run(asked())


@pytest.mark.parametrize("era", ERAS)
def test_a_client_that_gives_up_ends_its_run(era: str, tmp_path: Path) -> None:
    async def asked() -> None:
        async with in_memory(tmp_path, mode=era) as client:
            begun = asyncio.Event()

            async def told(progress: float, total: float | None, message: str | None) -> None:  # noqa: ARG001
                begun.set()

            given = {**QUESTION, "models": SLOW}
            call = asyncio.create_task(client.call_tool("folkmoot_fanout", given, progress_callback=told))
            await asyncio.wait_for(begun.wait(), 10)
            call.cancel()
            await asyncio.wait({call})
            (folder,) = Home(tmp_path).folders()
            poll = data_of(await client.call_tool("folkmoot_poll", {"run_id": folder.id}))
            assert poll["state"] == "cancelled"

    asyncio.run(asked())


def test_a_server_that_ends_leaves_no_run_behind(tmp_path: Path) -> None:
    async def asked() -> None:
        async with in_memory(tmp_path) as client:
            await client.call_tool("folkmoot_start", {**QUESTION, "models": SLOW})
        assert len(asyncio.all_tasks()) == 1
        (folder,) = Home(tmp_path).folders()
        assert not journal.held(folder.journal)

    asyncio.run(asked())


def test_a_run_of_another_process_is_known_by_its_record(tmp_path: Path) -> None:
    async def asked() -> None:
        async with in_memory(tmp_path) as client:
            first = data_of(await client.call_tool("folkmoot_vote", QUESTION))
        async with in_memory(tmp_path) as another:
            await another.list_tools()
            found = data_of(await another.call_tool("folkmoot_poll", {"run_id": first["run_id"]}))
            assert found["state"] == "ended"
            assert found["result"]["answer"] == first["answer"]
            folder = Home(tmp_path).find(first["run_id"])
            folder.result_file.unlink()
            found = data_of(await another.call_tool("folkmoot_poll", {"run_id": first["run_id"]}))
            assert found["state"] == "unfinished"

    asyncio.run(asked())


def test_a_panel_that_does_not_agree_says_so(tmp_path: Path) -> None:
    async def asked() -> None:
        async with in_memory(tmp_path) as client:
            given = {"prompt": "Is tea better than coffee?", "models": QUICK, "threshold": 10, "rounds": 2}
            said = await client.call_tool("folkmoot_converge", given)
            assert not data_of(said)["met"]
            assert not said.is_error
            assert "the rule was not met" in text_of(said)
            assert "Not chosen: sim/" in text_of(said) or data_of(said)["answer"] is None

    asyncio.run(asked())
