"""Who is let in, for how much money, in what size; and that a server never asks itself."""

import stat
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest

from folkmoot.errors import InputError
from folkmoot.frontends.server.keyring import Keyring, Period
from tests.frontends.server.served import PANELS, QUESTION, QUICK, Served, machine, over, priced, serving
from tests.loopback import LoopbackModels, Reply
from tests.wires import Asked

ASK: list[Any] = [{"role": "user", "content": QUESTION}]


def make_key(home: Path, name: str = "anna", budget: float | None = None, per: Period | None = None, *only: str) -> str:
    return Keyring.of({"FOLKMOOT_HOME": str(home)}).add(name, budget=budget, per=per, only=only)


def bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(machine(tmp_path_factory.mktemp("home"))) as running:
        yield running


def test_an_address_that_others_can_reach_needs_a_key(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--new-key"), serving(machine(tmp_path), host="0.0.0.0"):
        pass
    key = make_key(tmp_path)
    with serving(machine(tmp_path), host="0.0.0.0") as served:
        assert served.get("/api/v1/models").status_code == 401
        assert served.get("/api/v1/models", headers=bearer("moot-wrong")).status_code == 401
        assert served.get("/api/v1/models", headers=bearer(key)).status_code == 200
        with pytest.raises(openai.AuthenticationError):
            served.openai("moot-wrong").models.list()
        assert served.openai(key).models.list().data
        assert served.get("/").status_code == 200, "the page asks for the key"


def test_a_key_is_taken_on_and_off_while_the_server_runs(tmp_path: Path) -> None:
    with serving(machine(tmp_path)) as served:
        assert served.get("/v1/models").status_code == 200
        key = make_key(tmp_path)
        assert served.get("/v1/models").status_code == 401
        assert served.get("/v1/models", headers=bearer(key)).status_code == 200
        (tmp_path / "server-keys.toml").unlink()
        assert served.get("/v1/models").status_code == 200


def test_an_open_address_stays_closed_when_the_last_key_is_gone(tmp_path: Path) -> None:
    make_key(tmp_path)
    with serving(machine(tmp_path), host="0.0.0.0") as served:
        (tmp_path / "server-keys.toml").unlink()
        assert served.get("/v1/models").status_code == 401


def test_only_a_keys_hash_is_kept(tmp_path: Path) -> None:
    key = make_key(tmp_path, "anna", 5.0, "day")
    file = tmp_path / "server-keys.toml"
    assert key not in file.read_text() and stat.S_IMODE(file.stat().st_mode) == 0o600
    assert tomllib.loads(file.read_text())["anna"]["budget"] == 5.0
    with pytest.raises(InputError, match="already"):
        make_key(tmp_path)


@pytest.mark.parametrize(
    "text, said",
    [
        ("anna = 1", "anna is no table"),
        ("[anna]\nsha256 = 'x'", "anna.sha256"),
        ("[anna", "server-keys.toml"),
        ("[a]\nb = 1", "a.sha256"),
    ],
)
def test_a_file_of_keys_that_cannot_be_read_lets_nobody_in(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, text: str, said: str
) -> None:
    with serving(machine(tmp_path)) as served:
        (tmp_path / "server-keys.toml").write_text(text)
        answer = served.get("/v1/models")
    assert answer.status_code == 500 and str(tmp_path) not in answer.text and said in caplog.text


def test_a_key_from_the_environment_is_enough(tmp_path: Path) -> None:
    with serving(machine(tmp_path, FOLKMOOT_SERVER_KEY="from-the-env"), host="0.0.0.0") as served:
        assert served.get("/v1/models", headers=bearer("from-the-env")).status_code == 200
        assert served.get("/v1/models").status_code == 401


def test_the_page_logs_in_with_a_cookie_that_scripts_cannot_read(tmp_path: Path) -> None:
    key = make_key(tmp_path)
    with serving(machine(tmp_path)) as served, served.http() as client:
        assert client.post("/api/v1/login", json={"key": "moot-wrong"}).status_code == 401
        cookie = client.post("/api/v1/login", json={"key": key}).headers["set-cookie"]
        assert all(each in cookie.lower() for each in ("httponly", "samesite=strict", "path=/")) and key not in cookie
        assert client.get("/api/v1/models").status_code == 200
        (tmp_path / "server-keys.toml").write_text("")
        make_key(tmp_path, "bert")
        assert client.get("/api/v1/models").status_code == 401, "a key that is gone lets nobody in any more"


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8484", "127.0.0.1.evil.example", "", "[::1"])
def test_another_name_of_this_machine_is_refused(served: Served, host: str) -> None:
    answer = served.get("/v1/models", headers={"host": host})
    assert answer.status_code in (400, 403)


def test_pages_of_other_sites_can_neither_ask_nor_read(served: Served) -> None:
    body = {"prompt": "x", "protocol": "fanout", "models": [QUICK]}
    for headers in (
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://["},
        {"sec-fetch-site": "cross-site"},
    ):
        assert served.post("/api/v1/runs", body, headers=headers).status_code == 403
    own = {"origin": served.url, "sec-fetch-site": "same-origin"}
    assert served.post("/api/v1/runs", body, headers=own).status_code == 201
    answer = served.get("/v1/models", headers={"origin": "https://evil.example"})
    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_every_response_carries_the_headers_of_safety(served: Served) -> None:
    for path in ("/", "/static/app.js", "/v1/models", "/nothing", "/openapi.json"):
        headers = served.get(path).headers
        assert headers["x-content-type-options"] == "nosniff" and headers["referrer-policy"] == "no-referrer"
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]


def test_the_page_is_served_and_nothing_beside_it(served: Served) -> None:
    assert served.get("/").headers["content-type"].startswith("text/html")
    assert served.get("/static/app.js").headers["content-type"].startswith("text/javascript")
    assert served.get("/static/style.css").headers["content-type"].startswith("text/css")
    for path in ("/static/../app.py", "/static/%2e%2e/app.py", "/static//etc/passwd", "/static/", "/static/nope.js"):
        assert served.get(path).status_code == 404


def test_a_request_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    def pieces() -> Iterator[bytes]:
        for _ in range(100):
            yield b"x" * 1000

    with serving(machine(tmp_path), max_body=2000) as served, served.http() as client:
        for path in ("/v1/chat/completions", "/v1/responses", "/api/v1/runs", "/api/v1/login"):
            assert client.post(path, content=b"x" * 3000).status_code == 413
            assert client.post(path, content=pieces()).json()["error"]["code"] == "request_too_large"


def test_a_key_with_a_budget_can_spend_that_and_no_more_also_after_a_restart(tmp_path: Path) -> None:
    def body(*models: str) -> dict[str, Any]:
        return {"model": "folkmoot/fanout", "messages": ASK, "folkmoot": {"models": models}}

    def reply(asked: Asked) -> Reply:
        return Reply(
            "It is 391.", output=min(1500, asked.body.get("max_completion_tokens", asked.body.get("max_tokens", 1500)))
        )

    key = make_key(tmp_path, "anna", 0.05)
    with LoopbackModels(reply) as models:
        config = priced(models)  # a reply of 1,500 tokens costs 1500 * 10 / 1,000,000 = 0.015
        with serving(machine(tmp_path, config)) as served:
            answer = served.post("/v1/chat/completions", body("loop/a"), headers=bearer(key))
            assert answer.json()["folkmoot"]["cost_usd"] == pytest.approx(0.015)
            unpriced = served.post("/v1/chat/completions", body("loop/b"), headers=bearer(key))
            assert unpriced.status_code == 400 and "no known price" in unpriced.json()["error"]["message"]
        with serving(machine(tmp_path, config)) as served:
            spent = 0.015
            for code in (200, 200, 200, 402):  # for the fourth 0.005 is left: a shorter reply fits into that
                answer = served.post("/v1/chat/completions", body("loop/a"), headers=bearer(key))
                assert answer.status_code == code, answer.text
                spent += answer.json().get("folkmoot", {}).get("cost_usd") or 0.0
            assert spent <= 0.05 + 1e-9 and len(models.asked) == 4, "a fifth cannot be paid any more"
            other = make_key(tmp_path, "bert")
            assert served.post("/v1/chat/completions", body("loop/a"), headers=bearer(other)).status_code == 200


def test_a_budget_that_is_spent_is_said_before_a_run_begins(tmp_path: Path) -> None:
    key = make_key(tmp_path, "anna", 0.001, "day")
    headers, how = bearer(key), {"models": ["loop/a"]}
    with (
        LoopbackModels(lambda _: Reply("It is 391.", output=400)) as models,
        serving(machine(tmp_path, priced(models))) as served,
    ):
        body = {"model": "folkmoot/fanout", "messages": ASK, "max_tokens": 90, "folkmoot": how}
        assert served.post("/v1/chat/completions", body, headers=headers).status_code == 200
        refused = served.post("/api/v1/runs", {"prompt": QUESTION, "protocol": "fanout", **how}, headers=headers)
    assert refused.status_code == 429 and refused.json()["error"]["code"] == "insufficient_quota"
    assert "until tomorrow" in refused.json()["error"]["message"]
    assert refused.headers["x-should-retry"] == "false" and len(models.asked) == 1


def test_runs_at_once_share_the_budget_of_their_key(tmp_path: Path) -> None:
    """What one run has reserved, another waits for; what a cancelled call may have cost is gone for all of them."""
    key = make_key(tmp_path, "anna", 0.0215)  # for one call of 2,000 tokens, as long as nothing is known of its seat
    with LoopbackModels(lambda _: Reply(hang=True)) as models, serving(machine(tmp_path, priced(models))) as served:
        body = {"prompt": QUESTION, "protocol": "fanout", "models": ["loop/a"]}
        first = served.post("/api/v1/runs", body, headers=bearer(key)).json()["id"]
        assert models.wait(lambda each: len(each.asked) == 1)
        second = served.post("/api/v1/runs", body, headers=bearer(key)).json()["id"]
        with served.http(params={}) as client:
            client.headers.update(bearer(key))
            assert client.get(f"/api/v1/runs/{second}").json()["state"] == "running"
            client.post(f"/api/v1/runs/{first}/cancel")
            client.get(f"/api/v1/runs/{second}/events")
            assert client.get(f"/api/v1/runs/{second}").json()["result"]["status"] == "over_budget"
        assert len(models.asked) == 1


def test_a_run_without_a_budget_is_not_resumed_by_a_key_with_one(tmp_path: Path) -> None:
    with serving(machine(tmp_path)) as served:
        id = served.begin()
        served.ended(id)
        headers = bearer(make_key(tmp_path, "anna", 1.0))
        answer = served.post(f"/api/v1/runs/{id}/resume", headers=headers)
        assert answer.status_code == 403 and "limits.budget" in answer.json()["error"]["message"]
        fork = served.post(f"/api/v1/runs/{id}/fork", {"set": {"threshold": 9}}, headers=headers).json()["id"]
        found = served.get(f"/api/v1/runs/{fork}", headers=headers).json()
    assert found["spec"]["limits"]["budget"] == 1.0


def test_a_key_for_some_models_can_do_nothing_else(tmp_path: Path) -> None:
    headers = bearer(make_key(tmp_path, "anna", None, None, "trio"))
    with serving(machine(tmp_path)) as served:
        assert [each["id"] for each in served.get("/v1/models", headers=headers).json()["data"]] == ["trio"]
        body: dict[str, Any] = {"model": "trio", "messages": ASK}
        answer = served.post("/v1/chat/completions", body, headers=headers)
        assert answer.status_code == 200
        previous = f"resp_{answer.json()['folkmoot']['run_id']}"
        for more in ({"model": "folkmoot/ask"}, {"folkmoot": {"models": [QUICK]}}, {"folkmoot": {"budget": 9}}):
            assert served.post("/v1/chat/completions", body | more, headers=headers).status_code == 403
        assert served.get("/api/v1/runs", headers=headers).status_code == 403
        assert served.get(f"/v1/responses/{previous}", headers=headers).status_code == 403
        more = {"model": "trio", "input": QUESTION, "previous_response_id": previous}
        assert served.post("/v1/responses", more, headers=headers).status_code == 403


def test_a_panel_that_calls_the_server_itself_is_refused(tmp_path: Path) -> None:
    """A seat of the panel is the panel, asked over HTTP: that would never end."""
    with serving(machine(tmp_path)) as first:
        config = (
            f'{PANELS}\n[providers.me]\nbase_url = "{first.url}/v1"\n'
            f'[panels.mirror]\nprotocol = "fanout"\nmodels = ["{QUICK}", "me/mirror"]\n'
        )
        with serving(machine(tmp_path, config)) as served:  # the same home, and so the same server as far as ids go
            id = served.begin(protocol=None, models=[], panel="mirror")
            result = served.ended(id)["result"]
            assert [each["model_id"] for each in result["failures"]] == ["me/mirror"]
            assert "508" in result["failures"][0]["message"] and "panel/NAME" in result["failures"][0]["message"]
            assert len(served.get("/api/v1/runs").json()) == 1 and result["attempts"] == 2


def test_servers_that_ask_each_other_tell_of_their_way_and_go_three_deep(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    deep = '[panels.deep]\nprotocol = "fanout"\nmodels = ["loop/a"]\n'
    with LoopbackModels() as models, serving(machine(tmp_path / "two", over(models, deep))) as two:
        config = f'{PANELS}\n[providers.two]\nbase_url = "{two.url}/v1"\n'
        with serving(machine(tmp_path / "one", config)) as one:
            body = {"model": "folkmoot/fanout", "messages": ASK, "folkmoot": {"models": ["two/deep"]}}
            assert one.post("/v1/chat/completions", body).status_code == 200
            refused = one.post("/v1/chat/completions", body, headers={"x-folkmoot-via": "a,b,c"})
            assert refused.status_code == 508 and refused.headers["x-should-retry"] == "false"
    (asked,) = models.asked
    assert len(set(asked.headers["x-folkmoot-via"].split(","))) == 2


def test_neither_keys_nor_prompts_are_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    key = make_key(tmp_path)
    with serving(machine(tmp_path)) as served:
        served.get("/v1/models", headers=bearer(f"{key}x"))
        body = {"model": "trio", "messages": [{"role": "user", "content": "a secret question"}]}
        served.post("/v1/chat/completions", body, headers=bearer(key))
        served.post("/v1/chat/completions", {**body, "n": 2}, headers=bearer(key))
    assert key not in caplog.text and "secret" not in caplog.text


def test_a_slow_client_holds_nobody_up(served: Served) -> None:
    with served.http() as slow, slow.stream("GET", f"/api/v1/runs/{served.begin()}/events"):
        assert served.get("/v1/models").status_code == 200


def test_a_server_behind_another_one_is_called_by_that_ones_name(tmp_path: Path) -> None:
    with serving(machine(tmp_path, FOLKMOOT_SERVER_KEY="needed")) as served:
        headers = {"host": "moot.example", "authorization": "Bearer needed"}
        assert served.get("/v1/models", headers=headers).status_code == 200
