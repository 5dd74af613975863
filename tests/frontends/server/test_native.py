"""The native API: runs are started, watched, cancelled, resumed, forked, read and deleted."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest

from tests.frontends.server.served import QUICK, Served, machine, over, read_events, serving
from tests.loopback import Asked, LoopbackModels, Reply


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(machine(tmp_path_factory.mktemp("home"))) as running:
        yield running


def test_a_run_is_started_watched_and_read(served: Served) -> None:
    id = served.begin()
    kinds = [event.kind for event in served.events(id)]
    assert kinds[0] == "run_started" and kinds[-2:] == ["run_finished", "end"]
    found = served.get(f"/api/v1/runs/{id}").json()
    assert found["state"] == "ended" and found["spec"]["protocol"] == "converge"
    assert "391" in found["result"]["winner"]["answer"]


def test_a_watcher_who_comes_back_hears_what_it_missed_and_nothing_twice(served: Served) -> None:
    id = served.begin()
    numbers = [event.id for event in served.events(id) if event.id is not None]
    assert numbers == sorted(set(numbers))
    later = numbers[len(numbers) // 2 :]
    for missed in (
        served.events(id, after=later[0] - 1),
        served.events(id, after=7, headers={"last-event-id": str(later[0] - 1)}),  # as browsers come back
    ):
        assert [each.id for each in missed if each.id is not None] == later


def test_a_run_from_its_record_is_told_with_the_same_kinds_of_events(tmp_path: Path) -> None:
    with serving(machine(tmp_path)) as served:
        id = served.begin()
        live = served.events(id)
    with serving(machine(tmp_path)) as served:
        told = served.events(id)
        again = served.events(id, after=[event.id for event in live if event.id][4] or 0)
    wanted = ("run_started", "call_finished", "offered", "run_finished")
    count = [[event.kind for event in events].count(kind) for events in (live, told, again) for kind in wanted]
    assert count[:4] == count[4:8] == count[8:], "a number of another telling means: from the beginning"


def test_new_text_comes_as_it_is_written_and_has_no_number(tmp_path: Path) -> None:
    watched = threading.Event()

    def reply(_: Asked) -> Reply:
        watched.wait(20)
        return Reply("ANSWER: 391")

    with LoopbackModels(reply) as models, serving(machine(tmp_path, over(models))) as served:
        id = served.begin(protocol="vote", models=["loop/a"])
        told = ""
        with served.http() as client, client.stream("GET", f"/api/v1/runs/{id}/events") as stream:
            for piece in stream.iter_text():
                told += piece
                watched.set()
        told_later = served.events(id)
    deltas = [event for event in read_events(told) if event.kind == "text_delta"]
    assert deltas and all(event.id is None for event in deltas)
    assert "text_delta" not in [event.kind for event in told_later]


def test_who_comes_late_is_told_what_is_being_written(tmp_path: Path) -> None:
    stalled = Reply("A long answer that is never ended.", stall=True)
    with LoopbackModels(lambda _: stalled) as models, serving(machine(tmp_path, over(models))) as served:
        id = served.begin(protocol="vote", models=["loop/a"])
        written = []
        for _ in range(2):
            told = ""
            with served.http() as client, client.stream("GET", f"/api/v1/runs/{id}/events") as stream:
                for piece in stream.iter_text():
                    told += piece
                    if "A long answ" in "".join(texts(told)):
                        break
            written.append("".join(texts(told)))
        served.post(f"/api/v1/runs/{id}/cancel", {})
    assert written[1].startswith(written[0][:11])


def texts(told: str) -> list[str]:
    whole = told[: told.rfind("\n\n") + 2]
    return [each.data["text"] for each in read_events(whole) if each.kind == "text_delta"]


def test_a_response_that_is_being_made_is_in_progress(tmp_path: Path) -> None:
    with LoopbackModels(lambda _: Reply(hang=True)) as models, serving(machine(tmp_path, over(models))) as served:
        id = served.begin(protocol="fanout", models=["loop/a"])
        assert models.wait(lambda each: len(each.asked) == 1)
        told = served.get(f"/v1/responses/resp_{id}").json()
        assert (told["status"], told["output"]) == ("in_progress", [])
        served.post(f"/api/v1/runs/{id}/cancel")


def test_cancelling_ends_the_calls_and_resuming_pays_nothing_twice(tmp_path: Path) -> None:
    hangs = {"hang": True}

    def reply(asked: Asked) -> Reply:
        return Reply("ANSWER: 391", hang=hangs["hang"] and asked.model == "slow")

    with LoopbackModels(reply) as models, serving(machine(tmp_path, over(models))) as served:
        id = served.begin(protocol="fanout", models=["loop/quick", "loop/slow"])
        assert models.wait(lambda each: len(each.asked) == 2)
        assert served.post(f"/api/v1/runs/{id}/resume").status_code == 409
        assert served.post(f"/api/v1/runs/{id}/cancel").json()["state"] == "unfinished"
        assert models.wait(lambda each: each.left == 1), "the call was given up"
        assert served.get(f"/api/v1/runs/{id}").json()["state"] == "unfinished"
        hangs["hang"] = False
        assert served.post(f"/api/v1/runs/{id}/resume").json() == {"id": id, "status": "running"}
        assert served.ended(id)["result"]["status"] == "answered"
        assert [asked.model for asked in models.asked].count("quick") == 1


def test_a_run_goes_on_when_its_watcher_leaves(tmp_path: Path) -> None:
    with (
        LoopbackModels(lambda _: Reply("ANSWER: 391", delay=0.3)) as models,
        serving(machine(tmp_path, over(models))) as served,
    ):
        id = served.begin(protocol="fanout", models=["loop/a"])
        with served.http() as client, client.stream("GET", f"/api/v1/runs/{id}/events") as stream:
            next(stream.iter_raw())
        assert served.ended(id)["state"] == "ended"


def test_a_fork_keeps_the_record_and_asks_something_else(served: Served) -> None:
    id = served.begin()
    served.ended(id)
    answer = served.post(f"/api/v1/runs/{id}/fork", {"set": {"threshold": 9, "prompt": "What is 2 + 2?"}})
    assert answer.status_code == 201, answer.text
    fork = served.ended(answer.json()["id"])
    assert fork["spec"]["forked_from"] == id and fork["spec"]["options"]["threshold"] == 9


def test_a_fork_that_cannot_begin_leaves_nothing_behind(served: Served) -> None:
    id = served.begin()
    served.ended(id)
    before = {each["id"] for each in served.get("/api/v1/runs", params={"limit": 1000}).json()}
    answer = served.post(f"/api/v1/runs/{id}/fork", {"set": {"seats.1.model": "nobody/x"}})
    assert answer.status_code == 400 and "nobody" in answer.json()["error"]["message"]
    assert {each["id"] for each in served.get("/api/v1/runs", params={"limit": 1000}).json()} == before


def test_runs_are_listed_searched_and_deleted(served: Served) -> None:
    id = served.begin(prompt="Which zebra is 17 * 23?")
    served.ended(id)
    found = served.get("/api/v1/runs", params={"search": "zebra"}).json()
    assert [each["id"] for each in found] == [id] and "folder" not in found[0]
    assert served.get("/api/v1/runs", params={"search": "zebra", "status": "failed"}).json() == []
    with served.http() as client:
        assert client.delete(f"/api/v1/runs/{id}").status_code == 204
    assert served.get(f"/api/v1/runs/{id}").status_code == 404
    assert served.get("/api/v1/runs", params={"search": "zebra"}).json() == []


def test_a_receipt_and_three_exports_can_be_had(served: Served) -> None:
    id = served.begin()
    served.ended(id)
    assert served.get(f"/api/v1/runs/{id}/receipt").json()["run_id"] == id
    for kind, sign in (("html", "<!doctype html>"), ("markdown", "# "), ("json", "{")):
        answer = served.get(f"/api/v1/runs/{id}/export", params={"format": kind})
        assert answer.text.startswith(sign)
        assert answer.headers["content-disposition"].startswith("attachment; "), "its scripts are not this page's"


def test_a_further_question_goes_to_the_same_seats_with_all_that_was_said(tmp_path: Path) -> None:
    panel = (
        '[panels.two]\nprotocol = "fanout"\nmodels = ["loop/b"]\n'
        'seats = [{model = "loop/a", system = "Be brief.", temperature = 0.3, role = "skeptic"}]\n'
    )
    with LoopbackModels() as models, serving(machine(tmp_path, over(models, panel))) as served:
        first = served.begin(protocol=None, models=[], panel="two")
        served.ended(first)
        body = {"prompt": "And then?", "after": first}
        answer = served.post("/api/v1/runs", body)
        assert answer.status_code == 201, answer.text
        spec = served.ended(answer.json()["id"])["spec"]
        before = served.get(f"/api/v1/runs/{first}").json()["spec"]
        assert spec["seats"] == before["seats"] and spec["protocol"] == "fanout"
        assert [turn["role"] for turn in spec["history"]] == ["user", "assistant"]
        assert "loop/a" in spec["history"][1]["text"] and "loop/b" in spec["history"][1]["text"], (
            "all that was answered"
        )
        refused = served.post("/api/v1/runs", {**body, "models": ["loop/c"]})
        assert refused.status_code == 400 and "models: `after` asks on" in refused.json()["error"]["message"]


def test_what_a_seat_was_sent_can_be_read(served: Served) -> None:
    id = served.begin()
    served.ended(id)
    (told,) = served.get(f"/api/v1/runs/{id}/call", params={"step": "r1/propose/s1"}).json()
    assert [turn["role"] for turn in told["sent"]] == ["system", "user"] and told["reply"]
    refused = served.get(f"/api/v1/runs/{id}/call", params={"step": "r9"})
    assert refused.status_code == 400 and "has no step 'r9'" in refused.json()["error"]["message"]


def test_what_there_is_can_be_read(served: Served) -> None:
    assert {"id": "trio", "panel": "trio", "protocol": "converge", "description": "Three who judge each other"} in (
        served.get("/api/v1/models").json()
    )
    protocols = {each["name"]: each for each in served.get("/api/v1/protocols").json()}
    assert "threshold" in protocols["converge"]["options"]["properties"]
    panels = {each["name"]: each["seats"] for each in served.get("/api/v1/panels").json()}
    assert panels["seats"] == [QUICK]


def test_a_panel_is_asked_with_history_roles_and_a_picture(tmp_path: Path) -> None:
    with LoopbackModels() as models, serving(machine(tmp_path, over(models))) as served:
        id = served.begin(
            protocol="fanout",
            models=["loop/a", "loop/b"],
            roles={"s1": "skeptic"},
            system="Be short.",
            history=[{"role": "user", "text": "Before?"}, {"role": "assistant", "text": "This."}],
            attachments=[{"name": "dot.png", "url": "data:image/png;base64,iVBORw0KGgo="}],
        )
        found = served.ended(id)
    assert found["spec"]["attachments"][0]["name"] == "dot.png"
    by_model = {asked.model: asked for asked in models.asked}
    assert "Skeptic" in by_model["a"].system and "Skeptic" not in by_model["b"].system
    assert all("Be short." in asked.system and "Before?" in str(asked.body) for asked in models.asked)


@pytest.mark.parametrize(
    "body, said",
    [
        ({}, "prompt"),
        ({"prompt": "x", "nonsense": 1}, "nonsense"),
        ({"prompt": "x", "models": ["nobody/x"]}, "nobody"),
        ({"prompt": "x", "panel": "nope"}, "nope"),
        ({"prompt": "x", "protocol": "converge", "options": {"threshold": "high"}, "models": [QUICK]}, "threshold"),
        ({"prompt": "x", "limits": {"timeout": "soon"}}, "timeout"),
        ({"prompt": "x", "budget": -1}, "budget"),
        ({"prompt": "x", "models": [QUICK], "roles": {"s9": "skeptic"}}, "s9"),
        ({"prompt": "x", "models": [QUICK], "attachments": [{"url": "https://example.org/x.png"}]}, "fetches nothing"),
        ({"prompt": "x", "models": [QUICK], "attachments": [{"url": "data:text/html;base64,AA=="}]}, "text/html"),
        ({"prompt": "x", "models": [QUICK], "attachments": [{"url": "data:image/png;base64,@"}]}, "base64"),
        ({"prompt": "x" * 1_000_001, "models": [QUICK]}, "1,000,001"),
    ],
)
def test_what_cannot_be_asked_is_refused_before_anything_is_written(
    served: Served, body: dict[str, object], said: str
) -> None:
    answer = served.post("/api/v1/runs", body)
    assert answer.status_code == 400 and said in answer.json()["error"]["message"]


ODD_PART = {"model": "trio", "messages": [{"role": "user", "content": [{"type": []}]}]}


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/api/v1/runs", {"limits": {"idle_timeout": None}, "model": "trio", "prompt": "2 + 2?"}, 201),
        ("POST", "/api/v1/runs", {"budget": 1e308 * 10, "model": "trio", "prompt": "2 + 2?"}, 400),
        ("POST", "/api/v1/runs", {"roles": {"s1": "\ud800"}, "model": "trio", "prompt": "2 + 2?"}, 400),
        ("POST", "/api/v1/runs", {"model": "folkmoot", "prompt": "?", "options": {"calibration": "/dev/zero"}}, 400),
        ("POST", "/api/v1/runs/{id}/resume", {"options": {"calibration": "/dev/zero"}}, 400),
        ("POST", "/api/v1/runs/{id}/fork", {"set": {"calibration": "/dev/zero"}}, 400),
        ("POST", "/api/v1/runs/{id}/fork", {"set": {"seats.1.model": 5}}, 400),
        ("POST", "/api/v1/runs/{id}/fork", {"set": {"seats.².model": "sim/hasty"}}, 400),
        ("POST", "/api/v1/runs/{id}/fork", {"set": {"limits.timeout": -1}}, 400),
        ("POST", "/api/v1/runs/{id}/fork", {"set": {"limits.timeout": "soon"}}, 400),
        ("POST", "/api/v1/runs/{id}/fork", {"set": {"prompt": " "}}, 400),
        ("POST", "/api/v1/runs/{id}/fork", {"set": {"prompt": None}}, 400),
        ("POST", "/api/v1/runs/{id}/fork", {"set": {"prompt": "x" * 3_000_000}}, 400),
        ("POST", "/api/v1/runs/{id}/fork", {"set": {"prompt": "\ud800"}}, 400),
        ("POST", "/api/v1/runs/{id}/fork", {"set": {"seats.1.weight": -1}}, 400),
        ("POST", "/api/v1/runs/{id}/fork", {"set": {"limits.max_concurrent": -4}}, 400),
        ("POST", "/api/v1/runs", {"prompt": " \n", "model": "trio"}, 400),
        ("POST", "/api/v1/runs", {"prompt": "x", "model": ""}, 404),
        ("POST", "/api/v1/runs", {"prompt": "x", "model": "trio", "panel": "seats"}, 400),
        ("HEAD", "/api/v1/runs/{id}/events", None, 200),
        ("POST", "/v1/chat/completions", ODD_PART, 400),
        ("DELETE", "/v1/models", None, 405),
        ("GET", "/api/v1/runs?search=%00", None, 200),
        ("GET", f"/api/v1/runs/{'x' * 300}", None, 404),
        ("GET", "/api/v1/runs/a%00b", None, 404),
        ("GET", f"/v1/responses/{'x' * 300}", None, 404),
        ("GET", "/static/%00", None, 404),
        ("GET", f"/static/{'x' * 300}.js", None, 404),
    ],
)  # fmt: skip
def test_odd_requests_are_answered_and_never_a_500(
    served: Served, method: str, path: str, body: object, status: int
) -> None:
    id = served.begin()
    served.ended(id)
    with served.http() as client:
        content = None if body is None else json.dumps(body).replace("Infinity", "1e400").encode()
        answer = client.request(method, path.replace("{id}", id), content=content)
    assert answer.status_code == status, answer.text


def test_a_run_that_went_on_and_was_cancelled_has_no_result_that_stands(tmp_path: Path) -> None:
    hangs = {"hang": False}
    with (
        LoopbackModels(lambda _: Reply("ANSWER: 391", hang=hangs["hang"])) as models,
        serving(machine(tmp_path, over(models))) as served,
    ):
        id = served.begin(
            protocol="converge",
            models=["loop/a", "loop/b"],
            options={"rounds": 1, "stability_rounds": 1, "threshold": 10},
        )
        served.ended(id)
        hangs["hang"] = True
        assert served.post(f"/api/v1/runs/{id}/resume", {"options": {"rounds": 3}}).status_code == 201
        assert served.post(f"/api/v1/runs/{id}/cancel").json()["state"] == "unfinished"
        told = served.get(f"/api/v1/runs/{id}").json()
        assert (told["state"], told["result"]) == ("unfinished", None)
        assert served.get(f"/v1/responses/resp_{id}").json()["status"] == "incomplete"
        (listed,) = served.get("/api/v1/runs").json()
        assert listed["status"] == "unfinished"


def test_a_record_that_cannot_be_read_is_refused_and_can_be_deleted(tmp_path: Path) -> None:
    with serving(machine(tmp_path)) as served:
        id = served.begin()
        served.ended(id)
    (tmp_path / "runs" / id / "journal.jsonl").write_text("{}\n")
    with serving(machine(tmp_path)) as served:
        answer = served.get(f"/api/v1/runs/{id}/events")
        assert answer.status_code == 500 and "cannot be read" in answer.json()["error"]["message"]
        with served.http() as client:
            assert client.delete(f"/api/v1/runs/{id}").status_code == 204


@pytest.mark.parametrize("id", ["nope", "%2e%2e", "..%2f..%2fetc", "last", "%2e", "*"])
def test_only_a_whole_id_names_a_run(served: Served, id: str) -> None:
    for answer in (served.get(f"/api/v1/runs/{id}"), served.post(f"/api/v1/runs/{id}/resume")):
        assert answer.status_code in (404, 405) and "error" in answer.json()


def test_a_run_that_another_process_works_on_is_neither_resumed_nor_deleted(tmp_path: Path) -> None:
    from folkmoot.core.journal import Journal

    with serving(machine(tmp_path)) as served:
        id = served.begin()
        served.ended(id)
    journal = Journal(tmp_path / "runs" / id / "journal.jsonl")
    with serving(machine(tmp_path)) as served:
        assert served.get(f"/api/v1/runs/{id}").json()["state"] == "running"
        assert served.post(f"/api/v1/runs/{id}/resume").status_code == 409
        assert served.post(f"/api/v1/runs/{id}/cancel").status_code == 409
        with served.http() as client:
            assert client.delete(f"/api/v1/runs/{id}").status_code == 409
    journal.close()


def test_a_person_answers_over_the_native_api(served: Served) -> None:
    id = served.begin(protocol="fanout", models=[QUICK, "human/anna"])
    found: list[dict[str, str]] = []
    while not found:
        found = served.get("/api/v1/questions").json()
    assert found[0]["run"] == id and found[0]["name"] == "anna" and "17 * 23" in found[0]["text"]
    assert served.post(f"/api/v1/questions/{found[0]['id']}", {"text": " "}).status_code == 400
    assert served.post(f"/api/v1/questions/{found[0]['id']}", {"text": "It is 391."}).status_code == 200
    answers = served.ended(id)["result"]["all_answers"]
    assert "It is 391." in [each["answer"] for each in answers]
    assert served.post(f"/api/v1/questions/{found[0]['id']}", {"text": "again"}).status_code == 404


def test_a_persons_late_reply_opens_a_fork(served: Served) -> None:
    id = served.begin(protocol="fanout", models=[QUICK, "human/anna?deadline=0.1"])
    ended = served.ended(id)
    step = ended["result"]["failures"][0]["step"]
    answer = served.post(f"/api/v1/runs/{id}/late", {"step": step, "text": "It is 391, sorry."})
    assert answer.status_code == 201, answer.text
    fork = served.ended(answer.json()["id"])
    assert "It is 391, sorry." in [each["answer"] for each in fork["result"]["all_answers"]]
    assert served.get(f"/api/v1/runs/{id}").json()["result"] == ended["result"], "the verdict stands"


def test_no_more_runs_than_allowed_go_on_at_once(tmp_path: Path) -> None:
    with (
        LoopbackModels(lambda _: Reply(hang=True)) as models,
        serving(machine(tmp_path, over(models)), max_runs=1) as served,
    ):
        id = served.begin(protocol="fanout", models=["loop/a"])
        refused = served.post("/api/v1/runs", {"prompt": "x", "protocol": "fanout", "models": ["loop/a"]})
        assert refused.status_code == 429 and refused.headers["retry-after"]
        served.post(f"/api/v1/runs/{id}/cancel")
        assert served.begin(protocol="fanout", models=[QUICK])


def test_a_question_in_another_script_is_found_under_its_id(served: Served) -> None:
    id = served.begin(prompt="Сколько будет 17 * 23?")
    assert served.ended(id)["spec"]["prompt"].startswith("Сколько")
    assert served.get(f"/api/v1/runs/{id}/export", params={"format": "json"}).status_code == 200
    answer = served.post("/v1/chat/completions", {"model": "trio", "messages": [{"role": "user", "content": "多少?"}]})
    run = unquote(answer.headers["x-folkmoot-run"])
    assert run == answer.json()["folkmoot"]["run_id"] and served.get(f"/api/v1/runs/{run}").status_code == 200


def test_a_run_is_marked_and_its_verdict_stands(served: Served) -> None:
    id = served.begin()
    ended = served.ended(id)
    assert ended["mark"] is None
    answer = served.post(f"/api/v1/runs/{id}/outcome", {"verdict": "wrong", "answer": "392"})
    assert answer.status_code == 200 and answer.json()["verdict"] == "wrong"
    read = served.get(f"/api/v1/runs/{id}").json()
    assert read["result"] == ended["result"] and read["mark"]["answer"] == "392"
    assert {run["id"]: run["mark"] for run in served.get("/api/v1/runs").json()}[id] == "wrong"
    assert served.post(f"/api/v1/runs/{id}/outcome", {"verdict": "good"}).status_code == 400
    assert served.post("/api/v1/runs/nothing/outcome", {"verdict": "right"}).status_code == 404
