import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from folkmoot import events
from folkmoot.core.limits import Limits
from folkmoot.errors import ProviderError
from folkmoot.execute import checked, execute
from folkmoot.machine.seats import seats_of
from folkmoot.record.store import RunFolder, RunSpec
from folkmoot.running.tracing import RunTracer, tracer_listener
from folkmoot.testing import Script, ScriptedProvider
from folkmoot.types import Completion, Request, Usage

Replies = dict[str, list[str | ProviderError]]

REVIEW = '{"score": 9, "overall_assessment": "right"}'


def test_every_call_of_a_run_is_a_span_below_the_runs_own() -> None:
    spans = trace({"propose": "42", "evaluate": REVIEW}, rounds=2)
    assert tree(spans) == {"invoke_workflow converge": {"chat a": {}, "chat b": {}}}
    steps = [attributes(span)["folkmoot.step"] for span in spans if span.name.startswith("chat")]
    assert len(steps) == len(set(steps)) == 8


def test_a_run_says_what_was_decided() -> None:
    (run,) = named(trace({"propose": "42", "evaluate": REVIEW}, rounds=2), "invoke_workflow converge")
    said: dict[str, object] = {"gen_ai.operation.name": "invoke_workflow", "gen_ai.workflow.name": "converge"}
    said |= {
        "folkmoot.status": "converged",
        "folkmoot.met": True,
        "folkmoot.cost_usd": 0.0,
        "folkmoot.total_calls": 8,
    }
    assert said.items() <= attributes(run).items()
    assert run.kind is SpanKind.INTERNAL


def test_a_call_follows_the_conventions_for_generative_ai() -> None:
    usage = Usage(input_tokens=120, output_tokens=30, cached_tokens=100, reasoning_tokens=7)
    answered = Completion(text="42", model="a-2026-01-01", usage=usage, usd=0.01)
    call = named(trace({"propose": answered, "evaluate": REVIEW}), "chat a")[0]
    assert call.kind is SpanKind.CLIENT
    assert {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "x",
        "gen_ai.request.model": "a",
        "gen_ai.response.model": "a-2026-01-01",
        "gen_ai.usage.input_tokens": 120,
        "gen_ai.usage.output_tokens": 30,
        "gen_ai.usage.cache_read.input_tokens": 100,
        "gen_ai.usage.reasoning.output_tokens": 7,
        "folkmoot.step": "r1/propose/s1",
        "folkmoot.cost_usd": 0.01,
        "folkmoot.replayed": False,
    }.items() <= attributes(call).items()


@pytest.mark.parametrize(
    "ours, theirs", [("google/g", "gcp.gemini"), ("bedrock/b", "aws.bedrock"), ("openai/o", "openai")]
)
def test_providers_have_the_names_of_the_conventions(ours: str, theirs: str) -> None:
    spans = trace({"propose": "42", "evaluate": REVIEW}, models=[ours, "x/b"])
    call = named(spans, f"chat {ours.partition('/')[2]}")[0]
    assert attributes(call)["gen_ai.provider.name"] == theirs


def test_retries_and_repairs_are_events_of_the_call() -> None:
    replies: Replies = {
        "r1/propose/s1": [ProviderError("server", "overloaded"), "42"],
        "r1/evaluate/s1>s2": ["good", REVIEW],
    }
    spans = trace(in_turn(replies))
    by_step = {attributes(call)["folkmoot.step"]: call for call in named(spans, "chat a")}
    (failed,) = by_step["r1/propose/s1"].events
    assert (failed.name, (failed.attributes or {})["error.type"]) == ("folkmoot.attempt_failed", "server")
    assert [each.name for each in by_step["r1/evaluate/s1>s2"].events] == ["folkmoot.repair_asked"]
    assert all(call.status.status_code is StatusCode.UNSET for call in by_step.values())


def test_a_failed_call_has_its_kind_as_the_error_type() -> None:
    spans = trace(in_turn({"r1/propose/s1": [ProviderError("auth", "no such key")]}), models=["x/a", "x/b", "x/c"])
    (call,) = named(spans, "chat a")
    assert (attributes(call)["error.type"], call.status.status_code) == ("auth", StatusCode.ERROR)
    (run,) = named(spans, "invoke_workflow converge")
    assert [each.name for each in run.events] == ["folkmoot.seat_dropped"]


def test_a_run_without_an_answer_is_an_error() -> None:
    (run,) = named(trace(ProviderError("model", "no such model")), "invoke_workflow converge")
    assert (attributes(run)["error.type"], run.status.status_code) == ("insufficient_models", StatusCode.ERROR)


def test_replayed_calls_are_marked(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    script: Script = {"propose": "42", "evaluate": REVIEW}
    trace(script, folder=RunFolder(tmp_path / "run"))
    again = trace(script, folder=RunFolder(tmp_path / "run"))
    calls = [span for span in again if span.name.startswith("chat")]
    assert [attributes(call)["folkmoot.replayed"] for call in calls] == [True] * 4
    assert attributes(named(again, "invoke_workflow converge")[0])["folkmoot.resumed"] is True


def test_prompt_and_answers_are_left_out_unless_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    script: Script = {"propose": "my answer", "evaluate": REVIEW}
    assert "my question" not in str([span.attributes for span in trace(script)])
    assert "my answer" not in str([span.attributes for span in trace(script)])
    monkeypatch.setenv("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "true")
    spans = trace(script)
    asked = attributes(named(spans, "invoke_workflow converge")[0])["gen_ai.input.messages"]
    said = attributes(named(spans, "chat a")[0])["gen_ai.output.messages"]
    assert json.loads(str(asked)) == [{"role": "user", "parts": [{"type": "text", "content": "my question"}]}]
    assert json.loads(str(said))[0]["parts"] == [{"type": "text", "content": "my answer"}]


def test_a_run_is_part_of_the_trace_it_is_started_in() -> None:
    exporter = InMemorySpanExporter()
    tracer_provider = provider_into(exporter)
    with tracer_provider.get_tracer("caller").start_as_current_span("request"):
        listener = tracer_listener(tracer_provider)
        assert listener is not None
        run({"propose": "42", "evaluate": REVIEW}, listener)
    assert list(tree(exporter.get_finished_spans())) == ["request"]


def test_an_interrupted_run_leaves_no_span_open() -> None:
    async def interrupted(listener: RunTracer) -> None:
        asked = asyncio.Event()

        async def hang(_: Request) -> str:
            asked.set()
            await asyncio.Event().wait()
            return "never"

        work = asyncio.ensure_future(running(hang, listener))
        await asked.wait()
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        listener.close()

    exporter = InMemorySpanExporter()
    listener = tracer_listener(provider_into(exporter))
    assert listener is not None
    asyncio.run(interrupted(listener))
    spans = exporter.get_finished_spans()
    assert tree(spans) == {"invoke_workflow converge": {"chat a": {}, "chat b": {}}}
    assert attributes(named(spans, "invoke_workflow converge")[0])["folkmoot.status"] == "interrupted"
    assert attributes(named(spans, "chat a")[0])["folkmoot.given_up"] is True


def test_a_phase_that_ends_gives_up_its_own_open_calls_only() -> None:
    exporter = InMemorySpanExporter()
    listener = tracer_listener(provider_into(exporter))
    assert listener is not None
    seats = seats_of(["x/a", "x/b"])
    listener(events.RunStarted("id", "converge", "?", seats, {}, None))
    listener(events.RoundStarted(1, 2))
    listener(events.PhaseStarted(1, "propose"))
    listener(events.CallStarted("r1/propose/s1", "s1", ("s1",)))
    listener(events.PhaseStarted(1, "evaluate"))
    listener(events.CallStarted("r1/evaluate/s2>s1", "s2", ("s2", "s1")))
    listener(events.PhaseFinished(1, "propose", 0.1))
    listener(events.CallFinished("r1/evaluate/s2>s1", "s2", ("s2", "s1"), "9", 9, "9", 0.1, None, None, None))
    listener.close()
    given_up = {span.name: "folkmoot.given_up" in attributes(span) for span in exporter.get_finished_spans()}
    assert given_up == {"chat a": True, "chat b": False, "invoke_workflow converge": False}


def test_without_opentelemetry_nothing_breaks() -> None:
    code = """
import sys
sys.modules["opentelemetry"] = None
from folkmoot.running.tracing import tracer_listener
print(tracer_listener())
"""
    done = python(code, OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:1")
    assert (done.stdout, done.returncode) == ("None\n", 0)
    assert "pip install 'folkmoot[otel]'" in done.stderr


def test_without_the_sdk_nothing_breaks() -> None:
    code = """
import sys
sys.modules["opentelemetry.sdk"] = None
from folkmoot.running.tracing import tracer_listener
print(tracer_listener())
"""
    assert python(code, OTEL_TRACES_EXPORTER="console").stdout == "None\n"


@pytest.mark.parametrize(
    "environ",
    [{}, {"OTEL_TRACES_EXPORTER": "none"}, {"OTEL_SDK_DISABLED": "true", "OTEL_TRACES_EXPORTER": "console"}],
)
def test_nobody_who_wants_no_spans_gets_any(environ: dict[str, str]) -> None:
    code = "from folkmoot.running.tracing import tracer_listener; print(tracer_listener())"
    assert python(code, **environ).stdout == "None\n"


def test_opentelemetry_is_not_loaded_when_nobody_asks() -> None:
    code = """
import sys
from folkmoot.running.tracing import tracer_listener
tracer_listener()
print("opentelemetry" in sys.modules)
"""
    assert python(code).stdout == "False\n"


def test_an_exporter_that_is_not_installed_is_named() -> None:
    code = "from folkmoot.running.tracing import tracer_listener; print(tracer_listener())"
    done = python(code, OTEL_TRACES_EXPORTER="nowhere")
    assert (done.stdout, "opentelemetry-exporter-nowhere" in done.stderr) == ("None\n", True)


def test_a_process_that_ends_amid_a_run_still_sends_its_spans() -> None:
    code = """
from folkmoot import events
from folkmoot.machine.seats import seats_of
from folkmoot.running.tracing import tracer_listener
listener = tracer_listener()
listener(events.RunStarted("id", "converge", "?", seats_of(["x/a"]), {}, None))
listener(events.CallStarted("r1/propose/s1", "s1", ("s1",)))
"""
    done = python(code, OTEL_TRACES_EXPORTER="console")
    assert done.stdout == ""
    assert '"folkmoot.status": "interrupted"' in done.stderr
    assert '"name": "chat a"' in done.stderr
    assert '"service.name": "folkmoot"' in done.stderr


def test_a_provider_set_up_by_the_process_is_used() -> None:
    code = """
import sys
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
trace.set_tracer_provider(TracerProvider())
from folkmoot.running.tracing import tracer_listener
print(type(tracer_listener()).__name__)
"""
    assert python(code).stdout == "RunTracer\n"


def trace(
    script: Script, *, models: Sequence[str] = ("x/a", "x/b"), rounds: int = 1, folder: RunFolder | None = None
) -> tuple[ReadableSpan, ...]:
    exporter = InMemorySpanExporter()
    listener = tracer_listener(provider_into(exporter))
    assert listener is not None
    run(script, listener, models=models, rounds=rounds, folder=folder)
    return exporter.get_finished_spans()


def provider_into(exporter: InMemorySpanExporter) -> TracerProvider:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return provider


def run(
    script: Script,
    listener: RunTracer,
    *,
    models: Sequence[str] = ("x/a", "x/b"),
    rounds: int = 1,
    folder: RunFolder | None = None,
) -> None:
    asyncio.run(running(script, listener, models=models, rounds=rounds, folder=folder))


async def running(
    script: Script,
    listener: RunTracer,
    *,
    models: Sequence[str] = ("x/a", "x/b"),
    rounds: int = 1,
    folder: RunFolder | None = None,
) -> None:
    spec = RunSpec(
        protocol="converge",
        options={"rounds": rounds, "stability_rounds": rounds},
        prompt="my question",
        seats=seats_of(models),
        limits=Limits(backoff=0.0),
    )
    names = {model.partition("/")[0] for model in models}
    providers = {name: ScriptedProvider(script) for name in names}
    await execute(checked(spec), providers, listeners=[listener], folder=folder)


def in_turn(replies: Replies) -> Script:
    """What is said to the first, second, ... attempt of a step and its repair; everything else goes well."""

    def reply(request: Request) -> str | ProviderError:
        left = replies.get(request.about.step.removesuffix("+repair"))
        usual = "42" if request.about.phase == "propose" else REVIEW
        return left.pop(0) if left else usual

    return reply


def attributes(span: ReadableSpan) -> dict[str, object]:
    return dict(span.attributes or {})


def named(spans: Sequence[ReadableSpan], name: str) -> list[ReadableSpan]:
    return [span for span in spans if span.name == name]


def tree(spans: Sequence[ReadableSpan], parent: int | None = None) -> dict[str, object]:
    """Names in names, as the spans stand in each other; those of one name are one."""
    children = [span for span in spans if (span.parent.span_id if span.parent else None) == parent]
    return {span.name: tree(spans, span.context.span_id) for span in sorted(children, key=lambda each: each.name)}


def python(code: str, **environ: str) -> "subprocess.CompletedProcess[str]":
    plain = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**plain, **environ},
        capture_output=True,
        text=True,
        cwd=Path.home(),
        timeout=60,
    )
