"""OpenTelemetry spans of a run: the run, its rounds, their phases, and a `chat` span for every call.

Names follow the semantic conventions for generative AI (https://opentelemetry.io/docs/specs/semconv/gen-ai/, in
development); what those do not name is under `folkmoot.`. OpenTelemetry is loaded only when somebody asked for spans.
"""

import atexit
import json
import logging
import os
import sys
import weakref
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

from folkmoot import events
from folkmoot._version import __version__
from folkmoot.core.steps import read_step
from folkmoot.types import Seat

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import Span, Tracer, TracerProvider
    from opentelemetry.util.types import AttributeValue

log = logging.getLogger(__name__)

Where = tuple[str | int, ...]
"""Where a span stands: (), (scope, round), (scope, round, phase) or (scope, round, phase, step)."""

PROVIDERS = {
    "azure": "azure.ai.openai",
    "bedrock": "aws.bedrock",
    "google": "gcp.gemini",
    "mistral": "mistral_ai",
    "vertex": "gcp.vertex_ai",
    "xai": "x_ai",
}
"""Our name of a provider -> the well-known value of gen_ai.provider.name, where the two differ."""

CONTENT = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
WITH_CONTENT = ("true", "span_only", "span_and_event")
ASKING = ("OTEL_TRACES_EXPORTER", "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")


def tracer_listener(provider: "TracerProvider | None" = None) -> "RunTracer | None":
    """A listener for one run, or None where nobody wants spans or OpenTelemetry is not installed.

    Without a `provider` the process's own is used, if there is one; else OTEL_TRACES_EXPORTER and
    OTEL_EXPORTER_OTLP_ENDPOINT say where spans go. Prompt and answers are in the spans only if
    OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT is true.
    """
    provider = provider or _configured(os.environ)
    if provider is None:
        return None
    content = os.environ.get(CONTENT, "").lower() in WITH_CONTENT
    return RunTracer(provider.get_tracer("folkmoot", __version__), content=content)


class RunTracer:
    """Listens to one run and makes its spans. They begin and end when the events come.

    A round ends when the next one of its scope begins or the run ends: nothing else says so. An interrupted run has no
    last event: what is open then ends, as interrupted, with this object, with the process, or with `close`.
    """

    def __init__(self, tracer: "Tracer", *, content: bool = False) -> None:
        self._open = _OpenSpans(tracer)
        self._content = content
        self._seats: dict[str, Seat] = {}
        weakref.finalize(self, _OpenSpans.interrupt, self._open).atexit = False

    def close(self) -> None:
        """End what is still open."""
        self._open.interrupt()

    def __call__(self, event: events.Event) -> None:
        match event:
            case events.TextDelta():
                pass
            case events.RunStarted():
                self._run_started(event)
            case events.RoundStarted(round=number, scope=scope):
                self._open.end_below((scope,))
                self._open.start((scope, number), f"{scope}round {number}", {"folkmoot.round": number})
            case events.PhaseStarted(round=number, phase=phase, scope=scope):
                asked: Attributes = {"folkmoot.round": number, "folkmoot.phase": phase}
                self._open.start((scope, number, phase), f"phase {phase}", asked)
            case events.PhaseFinished(round=number, phase=phase, scope=scope):
                self._open.end_below((scope, number, phase))
            case events.CallEvent():
                self._call(event)
            case events.SeatDropped(seat=seat, reason=reason):
                self._open.note("folkmoot.seat_dropped", {"folkmoot.seat": seat, "folkmoot.reason": reason})
            case events.ModelMismatch(seat=seat, asked=model, answered=answered):
                told: Attributes = {
                    "folkmoot.seat": seat, "gen_ai.request.model": model, "gen_ai.response.model": answered
                }  # fmt: skip
                self._open.note("folkmoot.model_mismatch", told)
            case events.RunFinished():
                self._run_finished(event)

    def _run_started(self, event: events.RunStarted) -> None:
        self._open.interrupt()
        # It will run before the SDK's own exit function, registered earlier, which sends the last spans.
        atexit.register(self._open.interrupt)
        self._seats = {seat.name: seat for seat in event.seats}
        attributes: Attributes = {
            "gen_ai.operation.name": "invoke_workflow",
            "gen_ai.workflow.name": event.protocol,
            "folkmoot.run_id": event.run_id,
            "folkmoot.protocol": event.protocol,
            "folkmoot.seats": [seat.id for seat in event.seats],
            "folkmoot.resumed": event.resumed,
        }
        if self._content:
            attributes["gen_ai.input.messages"] = _messages("user", event.prompt)
        self._open.start((), f"invoke_workflow {event.protocol}", attributes)

    def _run_finished(self, event: events.RunFinished) -> None:
        result = event.result
        attributes: Attributes = {
            "folkmoot.status": result.status,
            "folkmoot.met": result.outcome.met,
            "folkmoot.rounds": result.outcome.round,
            "folkmoot.total_calls": result.total_calls,
            "folkmoot.degraded": result.degraded,
        }
        if result.cost_usd is not None:
            attributes["folkmoot.cost_usd"] = result.cost_usd
        if self._content and result.answer is not None:
            attributes["gen_ai.output.messages"] = _messages("assistant", result.answer)
        failed = (result.status, result.outcome.explanation) if result.exit_code in (1, 3) else None
        self._open.end_below(())
        self._open.end((), attributes, failed)
        atexit.unregister(self._open.interrupt)

    def _call(self, event: events.CallEvent) -> None:
        """A call's span runs from its first attempt to its reply, with retries and repair as events on it."""
        step = read_step(event.step)
        path = (step.scope, step.round, step.phase, event.step.removesuffix("+repair"))
        if path not in self._open:
            seat = self._seats[event.seat]
            place: Attributes = {"folkmoot.step": path[-1], "folkmoot.round": step.round, "folkmoot.phase": step.phase}
            self._open.start(path, f"chat {_model(seat)}", _asked(seat) | place, client=True)
        match event:
            case events.AttemptFailed():
                self._open.note("folkmoot.attempt_failed", _attempt(event), path)
            case events.RepairAsked(message=message):
                self._open.note("folkmoot.repair_asked", {"folkmoot.reason": message}, path)
            case events.CallFinished():
                self._open.end(path, self._answered(event))
            case events.CallFailed(kind=kind, message=message, replayed=replayed):
                self._open.end(path, {"folkmoot.replayed": replayed}, (kind, message))

    def _answered(self, event: events.CallFinished) -> "Attributes":
        attributes: Attributes = {"folkmoot.replayed": event.replayed, "folkmoot.seconds": event.seconds}
        if event.answered_by is not None:
            attributes["gen_ai.response.model"] = event.answered_by
        if event.usd is not None:
            attributes["folkmoot.cost_usd"] = event.usd
        if event.usage is not None:
            attributes |= {
                "gen_ai.usage.input_tokens": event.usage.input_tokens,
                "gen_ai.usage.output_tokens": event.usage.output_tokens,
                "gen_ai.usage.cache_read.input_tokens": event.usage.cached_tokens,
                "gen_ai.usage.cache_creation.input_tokens": event.usage.cache_write_tokens,
                "gen_ai.usage.reasoning.output_tokens": event.usage.reasoning_tokens,
            }
        if self._content:
            attributes["gen_ai.output.messages"] = _messages("assistant", event.text)
        return attributes


Attributes = dict[str, "AttributeValue"]


class _OpenSpans:
    """The spans that have begun and not ended, parents before children."""

    def __init__(self, tracer: "Tracer") -> None:
        self._tracer = tracer
        self._spans: dict[Where, Span] = {}

    def __contains__(self, path: Where) -> bool:
        return path in self._spans

    def start(self, path: Where, name: str, attributes: "Attributes", *, client: bool = False) -> None:
        """Begin a span below the nearest open one. One that is open already goes on."""
        if path in self._spans:
            return
        from opentelemetry.trace import SpanKind, set_span_in_context

        parent = next((span for length in range(len(path), -1, -1) if (span := self._spans.get(path[:length]))), None)
        self._spans[path] = self._tracer.start_span(
            name,
            set_span_in_context(parent) if parent else None,  # None: the caller's own span, if there is one
            SpanKind.CLIENT if client else SpanKind.INTERNAL,
            attributes,
        )

    def note(self, name: str, attributes: "Attributes", path: Where = ()) -> None:
        if path in self._spans:
            self._spans[path].add_event(name, attributes)

    def end(self, path: Where, attributes: "Attributes", failed: tuple[str, str] | None = None) -> None:
        """End one span; `failed` is what went wrong, as a kind and in words."""
        from opentelemetry.trace import Status, StatusCode

        span = self._spans.pop(path, None)
        if span is None:
            return
        if failed is not None:
            kind, message = failed
            attributes = attributes | {"error.type": kind}
            span.set_status(Status(StatusCode.ERROR, message))
        span.set_attributes(attributes)
        span.end()

    def end_below(self, path: Where) -> None:
        """End what is open at `path` and below it. A call that is still open there was given up."""
        for each in reversed(self._spans.copy()):
            if each and each[: len(path)] == path:
                self.end(each, {"folkmoot.given_up": True} if len(each) == 4 else {})

    def interrupt(self) -> None:
        """End all: nothing more will be heard of this run."""
        if () in self._spans:
            self.end_below(())
            self.end((), {"folkmoot.status": "interrupted"}, ("interrupted", "the run was interrupted"))
        atexit.unregister(self.interrupt)


def _model(seat: Seat) -> str:
    return seat.model.partition("/")[2]


def _asked(seat: Seat) -> Attributes:
    attributes: Attributes = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": PROVIDERS.get(seat.provider, seat.provider),
        "gen_ai.request.model": _model(seat),
        "folkmoot.seat": seat.id,
    }
    if seat.temperature is not None:
        attributes["gen_ai.request.temperature"] = seat.temperature
    if seat.max_tokens is not None:
        attributes["gen_ai.request.max_tokens"] = seat.max_tokens
    return attributes


def _attempt(event: events.AttemptFailed) -> Attributes:
    return {
        "folkmoot.attempt": event.attempt,
        "error.type": event.kind,
        "folkmoot.reason": event.message,
        "folkmoot.wait": event.wait,  # seconds
    }


def _messages(role: str, text: str) -> str:
    """One message in the form of gen_ai.input.messages and gen_ai.output.messages."""
    message: dict[str, object] = {"role": role, "parts": [{"type": "text", "content": text}]}
    return json.dumps([message | ({"finish_reason": "stop"} if role == "assistant" else {})], ensure_ascii=False)


def _configured(environ: Mapping[str, str]) -> "TracerProvider | None":
    """The process's tracer provider; else one that the environment asks for; else None."""
    asked = any(environ.get(name) for name in ASKING)
    # Nobody can have set a provider up without loading the package. Where nobody has, it costs no time.
    if environ.get("OTEL_SDK_DISABLED", "").lower() == "true" or not (asked or "opentelemetry.trace" in sys.modules):
        return None
    try:
        from opentelemetry import trace
    except ImportError:
        log.warning("OpenTelemetry is configured but not installed: pip install 'folkmoot[otel]'")
        return None
    current = trace.get_tracer_provider()
    if not isinstance(current, trace.ProxyTracerProvider | trace.NoOpTracerProvider):
        return current
    return _from_environment(*_exporters(environ)) if asked else None


def _exporters(environ: Mapping[str, str]) -> Sequence[str]:
    """What spans are sent with, by the names under which exporters are installed."""
    protocol = next((environ[name] for name in PROTOCOLS if environ.get(name)), "http/protobuf")
    otlp = "otlp_proto_grpc" if protocol == "grpc" else "otlp_proto_http"
    names = (name.strip() for name in environ.get("OTEL_TRACES_EXPORTER", "otlp").split(","))
    return [otlp if name == "otlp" else name for name in names if name not in ("", "none")]


@cache
def _from_environment(*names: str) -> "TracerProvider | None":
    """A tracer provider of our own, one for the process; it sends what it still has when the process ends."""
    try:
        from opentelemetry.sdk.resources import OTELResourceDetector, Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        log.warning("OpenTelemetry's SDK is not installed: pip install 'folkmoot[otel]'")
        return None
    exporters = [exporter for name in names if (exporter := _exporter(name))]
    if not exporters:
        return None
    named = Resource.create({"service.name": "folkmoot"}).merge(OTELResourceDetector().detect())
    provider = TracerProvider(resource=named)
    for exporter in exporters:
        provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider


def _exporter(name: str) -> "SpanExporter | None":
    if name == "console":
        from opentelemetry.sdk.trace.export import ConsoleSpanExporter

        return ConsoleSpanExporter(out=sys.stderr)  # standard output is for answers
    for entry in entry_points(group="opentelemetry_traces_exporter", name=name):
        made: SpanExporter = entry.load()()
        return made
    log.warning("spans are not sent: install opentelemetry-exporter-%s", name.replace("_", "-"))
    return None
