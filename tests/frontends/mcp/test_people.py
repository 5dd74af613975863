"""People who have a seat are asked through the client, in both of the protocol's ways of asking."""

import asyncio
from pathlib import Path

import pytest
from mcp import Client, types
from mcp.client.context import ClientRequestContext

from folkmoot.frontends.mcp.live import FollowedRuns
from folkmoot.frontends.mcp.server import make_server
from folkmoot.record.store import Home
from tests.frontends.mcp.clients import ERAS, data_of, in_memory, machine_at, text_of

GIVEN = {"prompt": "What is 17 * 23?", "models": ["sim/careful?delay=0", "human/ann"]}


class Ann:
    """Answers what she is asked, and keeps it."""

    def __init__(self, action: str, answer: str = "391") -> None:
        self.said = types.ElicitResult.model_validate({"action": action, "content": {"answer": answer}})
        self.read: list[str] = []

    async def __call__(self, context: ClientRequestContext, params: types.ElicitRequestParams) -> types.ElicitResult:
        assert isinstance(params, types.ElicitRequestFormParams)
        assert params.requested_schema["properties"]["answer"]["type"] == "string"
        self.read.append(params.message)
        return self.said


@pytest.mark.parametrize("era", ERAS)
def test_a_person_answers_in_the_clients_form(era: str, tmp_path: Path) -> None:
    ann = Ann("accept", "I say 391.")

    async def asked() -> None:
        async with in_memory(tmp_path, mode=era, elicit=ann) as client:
            said = data_of(await client.call_tool("folkmoot_fanout", GIVEN))
            assert {each["model"]: each["answer"] for each in said["others"]}["human/ann"] == "I say 391."

    asyncio.run(asked())
    (message,) = ann.read
    assert message.startswith("ann, you have a seat in a panel")
    assert "17 * 23" in message


@pytest.mark.parametrize("era", ERAS)
def test_a_person_who_is_polled_is_asked_by_the_poll(era: str, tmp_path: Path) -> None:
    ann = Ann("accept", "I say 391.")

    async def asked() -> None:
        async with in_memory(tmp_path, mode=era, elicit=ann) as client:
            started = data_of(await client.call_tool("folkmoot_start", {**GIVEN, "protocol": "fanout"}))
            ended = data_of(await client.call_tool("folkmoot_poll", {"run_id": started["run_id"]}))
            assert ended["state"] == "ended"
            assert {each["model"] for each in ended["result"]["others"]} == {"sim/careful?delay=0", "human/ann"}

    asyncio.run(asked())
    assert len(ann.read) == 1


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("action, told", [("decline", "ann declined"), ("cancel", "ann closed the form")])
def test_a_person_who_will_not_answer_is_a_failed_call(action: str, told: str, era: str, tmp_path: Path) -> None:
    async def asked() -> None:
        async with in_memory(tmp_path, mode=era, elicit=Ann(action)) as client:
            said = data_of(await client.call_tool("folkmoot_fanout", GIVEN))
            assert [each["model"] for each in said["others"]] == ["sim/careful?delay=0"]
            assert told in said["failures"][0]

    asyncio.run(asked())


@pytest.mark.parametrize("era", ERAS)
def test_where_the_client_cannot_ask_the_seat_says_why(era: str, tmp_path: Path) -> None:
    async def asked() -> None:
        async with in_memory(tmp_path, mode=era) as client:
            said = await client.call_tool("folkmoot_fanout", GIVEN)
            assert "ann cannot be asked: the MCP client cannot ask its user" in text_of(said)
            assert data_of(said)["degraded"]

    asyncio.run(asked())


@pytest.mark.parametrize("era", ERAS)
def test_a_question_that_is_settled_meanwhile_harms_nothing(era: str, tmp_path: Path) -> None:
    """The others decide the vote while the form is shown."""

    async def asked() -> None:
        async with FollowedRuns(machine_at(tmp_path)) as runs:

            async def slow(context: ClientRequestContext, params: types.ElicitRequestParams) -> types.ElicitResult:  # noqa: ARG001
                (folder,) = Home(tmp_path).folders()
                run = runs.find(folder.id)
                assert run is not None
                await run.settled()
                return types.ElicitResult(action="accept", content={"answer": "390"})

            async with Client(make_server(runs), mode=era, elicitation_callback=slow) as client:
                given = {**GIVEN, "models": ["sim/careful?delay=0*2", "human/ann"]}
                said = data_of(await client.call_tool("folkmoot_vote", given))
                assert (said["status"], said["met"]) == ("voted", True)

    asyncio.run(asked())


@pytest.mark.parametrize("era", ERAS)
def test_a_person_who_is_late_misses_a_question_and_the_run_goes_on(era: str, tmp_path: Path) -> None:
    async def slow(context: ClientRequestContext, params: types.ElicitRequestParams) -> types.ElicitResult:  # noqa: ARG001
        (folder,) = Home(tmp_path).folders()
        while b'"late"' not in folder.journal.read_bytes():  # noqa: ASYNC110
            await asyncio.sleep(0.02)  # until the record has it
        return types.ElicitResult(action="accept", content={"answer": "390"})

    async def asked() -> None:
        async with in_memory(tmp_path, mode=era, elicit=slow) as client:
            given = {**GIVEN, "models": ["sim/careful?delay=0", "sim/hasty?delay=0", "human/ann?deadline=0.2"]}
            said = data_of(await client.call_tool("folkmoot_fanout", given))
            assert said["status"] == "partial" and len(said["others"]) == 2
            assert "ann did not answer within 0.2 s" in said["failures"][0]

    asyncio.run(asked())


@pytest.mark.parametrize("era", ERAS)
def test_an_empty_form_is_a_missed_question_and_not_asked_again(era: str, tmp_path: Path) -> None:
    ann = Ann("accept", "  ")

    async def asked() -> None:
        async with in_memory(tmp_path, mode=era, elicit=ann) as client:
            said = data_of(await client.call_tool("folkmoot_fanout", GIVEN))
            assert "ann sent the form without an answer" in said["failures"][0]

    asyncio.run(asked())
    assert len(ann.read) == 1


def test_a_client_that_never_comes_back_with_an_answer_ends_its_run(tmp_path: Path) -> None:
    async def asked() -> None:
        async with (
            FollowedRuns(machine_at(tmp_path), patience=0.0) as runs,
            Client(make_server(runs), elicitation_callback=Ann("accept")) as client,
        ):
            given = {**GIVEN, "models": ["sim/careful?delay=30", "human/ann?deadline=0.05"]}
            required = await client.session.call_tool("folkmoot_fanout", given, allow_input_required=True)
            assert isinstance(required, types.InputRequiredResult)
            (folder,) = Home(tmp_path).folders()
            run = runs.find(folder.id)
            assert run is not None
            await run.settled()
            assert run.state == "cancelled"

    asyncio.run(asked())
