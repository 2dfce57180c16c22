"""Traces by OpenTelemetry: a span for each run, in it one for each stage, and in those one for each request to a store.

Nothing of OpenTelemetry is imported unless one of its standard variables asks for traces. Attributes are names of
objects, words of ours and numbers: no URL, no name of a file, no message.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from threading import Thread
from typing import TYPE_CHECKING, Final

from clusterstate import __version__
from clusterstate.context import Key
from clusterstate.errors import SpecInvalid
from clusterstate.handlers.recording import TROUBLE, Trace, Tracer, Untraced, Verdict
from clusterstate.observing import Answer, Request

if TYPE_CHECKING:
    from opentelemetry import trace
    from opentelemetry.sdk.trace import TracerProvider

ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
PROTOCOLS: Final = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
PROTOCOL: Final = "http/protobuf"
BEGINNING: Final = "access"
"""The stage that every run begins with."""
PATIENCE: Final = 5.0
"""Seconds for the last spans: a collector that is away must not keep the process from its end."""


def are_wanted(environ: Mapping[str, str]) -> bool:
    """Whether the environment asks for traces; raise `SpecInvalid` for those that can't be had."""
    exporter = environ.get("OTEL_TRACES_EXPORTER", "").strip()
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true" or exporter == "none":
        return False
    if exporter not in {"", "otlp"}:
        raise SpecInvalid(f"OTEL_TRACES_EXPORTER is {exporter!r}. Give otlp or none; others aren't supported.")
    if not exporter and not any(environ.get(name) for name in ENDPOINTS):
        return False
    protocol = next((text for name in PROTOCOLS if (text := environ.get(name, "").strip())), PROTOCOL)
    if protocol != PROTOCOL:
        raise SpecInvalid(f"Traces can't be sent by the protocol {protocol!r} of OpenTelemetry. Give {PROTOCOL}.")
    return True


@asynccontextmanager
async def tracing(environ: Mapping[str, str]) -> AsyncIterator[Tracer]:
    """Give what traces runs, as long as the block lasts; spans that are left are sent at its end, if that is soon.

    Raises `SpecInvalid` for traces that can't be had.
    """
    if not are_wanted(environ):
        yield lambda _: Untraced()
        return
    provider = _make_provider()
    try:
        yield _make_tracer(provider)
    finally:
        last = Thread(target=provider.shutdown, daemon=True)
        last.start()
        await asyncio.to_thread(last.join, PATIENCE)


def _make_provider() -> "TracerProvider":
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415 (on demand)
        from opentelemetry.sdk.resources import OTELResourceDetector, Resource  # noqa: PLC0415 (the same)
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415 (the same)
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415 (the same)
    except ModuleNotFoundError:
        raise SpecInvalid(
            "OTEL_* variables ask for traces, but OpenTelemetry isn't installed here. Install clusterstate[tracing], "
            "use the image, which has it, or set OTEL_TRACES_EXPORTER=none."
        ) from None
    own = Resource({"service.name": "clusterstate", "service.version": __version__})
    provider = TracerProvider(resource=own.merge(OTELResourceDetector().detect()), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider


def _make_tracer(provider: "TracerProvider") -> Callable[[Key], Trace]:
    tracer = provider.get_tracer("clusterstate", __version__)
    return lambda key: RunTrace(tracer, key)


class RunTrace:
    """One run as spans."""

    def __init__(self, tracer: "trace.Tracer", key: Key) -> None:
        from opentelemetry import trace  # noqa: PLC0415 (on demand)

        self._api = trace
        self._tracer = tracer
        self._run = tracer.start_span("run", attributes={"k8s.namespace.name": key[0], "clusterstate.name": key[1]})
        self._stage = self._begin(BEGINNING)

    def enter(self, stage: str) -> None:
        """See `Observer.enter`."""
        self._stage.end()
        self._stage = self._begin(stage)

    def note(self, request: Request) -> None:
        """See `Observer.note`."""
        span = self._tracer.start_span(
            f"store {request.operation.value}",
            context=self._api.set_span_in_context(self._stage),
            kind=self._api.SpanKind.CLIENT,
            attributes={
                "clusterstate.store.scheme": request.scheme,
                "clusterstate.store.operation": request.operation.value,
                "clusterstate.store.status": request.answer.value,
                "clusterstate.store.received_bytes": request.received,
                "clusterstate.store.sent_bytes": request.sent,
            },
            start_time=request.began,
        )
        if request.answer not in {Answer.OK, Answer.NOT_FOUND}:
            span.set_status(self._api.StatusCode.ERROR, request.answer.value)
        span.end(request.began + int(request.seconds * 1e9))

    def end(self, verdict: Verdict, requests: int) -> None:
        """See `Trace.end`."""
        self._stage.end()
        self._run.set_attributes(
            {
                "clusterstate.result": verdict.result.value,
                "clusterstate.reason": verdict.reason,
                "clusterstate.requests": requests,
            }
        )
        if verdict.result in TROUBLE:
            self._run.set_status(self._api.StatusCode.ERROR, verdict.reason)
        self._run.end()

    def _begin(self, stage: str) -> "trace.Span":
        return self._tracer.start_span(stage, context=self._api.set_span_in_context(self._run))
