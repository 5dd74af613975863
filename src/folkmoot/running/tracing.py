"""OpenTelemetry spans of a run: one for the run, and below it a `chat` span for every call.

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

RUN = ""  # where the span of the run stands among those of its calls

Attributes = dict[str, "AttributeValue"]

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
    """A listener that makes the spans of one run.

    An interrupted run has no last event: its open spans end, as interrupted, with `close`, when this object is
    collected, or when the process ends.
    """

    def __init__(self, tracer: "Tracer", *, content: bool = False) -> None:
        self._open = _OpenSpans(tracer)
        self._content = content
        self._seats: dict[str, Seat] = {}
        weakref.finalize(self, _OpenSpans.interrupt, self._open).atexit = False

    def close(self) -> None:
        """End the spans that are still open."""
        self._open.interrupt()

    def __call__(self, event: events.Event) -> None:
        match event:
            case events.TextDelta():
                pass
            case events.RunStarted():
                self._run_started(event)
            case events.PhaseFinished(round=number, phase=phase, scope=scope):
                self._open.give_up(f"{scope}r{number}/{phase}/")
            case events.CallEvent():
                self._call(event)
            case events.SeatDropped(seat=seat, reason=reason):
                self._open.note("folkmoot.seat_dropped", {"folkmoot.seat": seat, "folkmoot.reason": reason})
            case events.ModelMismatch(seat=seat, asked=model, answered=answered):
                names: Attributes = {
                    "folkmoot.seat": seat, "gen_ai.request.model": model, "gen_ai.response.model": answered
                }  # fmt: skip
                self._open.note("folkmoot.model_mismatch", names)
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
        self._open.start(RUN, f"invoke_workflow {event.protocol}", attributes)

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
        self._open.give_up("")
        self._open.end(RUN, attributes, failed)
        atexit.unregister(self._open.interrupt)

    def _call(self, event: events.CallEvent) -> None:
        """A call's span runs from its first attempt to its reply, with retries and repair as events on it."""
        step = event.step.removesuffix("+repair")
        if step not in self._open:
            seat, place = self._seats[event.seat], read_step(step)
            attributes: Attributes = {
                "folkmoot.step": step, "folkmoot.round": place.round, "folkmoot.phase": place.phase
            }  # fmt: skip
            self._open.start(step, f"chat {_model(seat)}", _asked(seat) | attributes)
        match event:
            case events.AttemptFailed():
                self._open.note("folkmoot.attempt_failed", _attempt(event), step)
            case events.RepairAsked(message=message):
                self._open.note("folkmoot.repair_asked", {"folkmoot.reason": message}, step)
            case events.CallFinished():
                self._open.end(step, self._answered(event))
            case events.CallFailed(kind=kind, message=message, replayed=replayed):
                self._open.end(step, {"folkmoot.replayed": replayed}, (kind, message))

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


class _OpenSpans:
    """The spans that have begun and not ended, by step; the run's own is under RUN."""

    def __init__(self, tracer: "Tracer") -> None:
        self._tracer = tracer
        self._spans: dict[str, Span] = {}

    def __contains__(self, step: str) -> bool:
        return step in self._spans

    def start(self, step: str, name: str, attributes: "Attributes") -> None:
        from opentelemetry.trace import SpanKind, set_span_in_context

        run = self._spans.get(RUN)
        context = set_span_in_context(run) if run else None  # None: below the caller's own span, if there is one
        kind = SpanKind.INTERNAL if step == RUN else SpanKind.CLIENT
        self._spans[step] = self._tracer.start_span(name, context, kind, attributes)

    def note(self, name: str, attributes: "Attributes", step: str = "") -> None:
        if step in self._spans:
            self._spans[step].add_event(name, attributes)

    def end(self, step: str, attributes: "Attributes", failed: tuple[str, str] | None = None) -> None:
        """End one span; `failed` is the kind of error and its message."""
        from opentelemetry.trace import Status, StatusCode

        span = self._spans.pop(step, None)
        if span is None:
            return
        if failed is not None:
            kind, message = failed
            attributes = attributes | {"error.type": kind}
            span.set_status(Status(StatusCode.ERROR, message))
        span.set_attributes(attributes)
        span.end()

    def give_up(self, prefix: str) -> None:
        """End the calls that are still open and whose step begins with `prefix`."""
        for step in [each for each in self._spans if each != RUN and each.startswith(prefix)]:
            self.end(step, {"folkmoot.given_up": True})

    def interrupt(self) -> None:
        """End every span: no further event of this run will come."""
        if RUN in self._spans:
            self.give_up("")
            self.end(RUN, {"folkmoot.status": "interrupted"}, ("interrupted", "the run was interrupted"))
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
