"""A collector of OpenTelemetry's traces, which keeps what it gets."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass
class Collector:
    bodies: list[bytes] = field(default_factory=list)

    @property
    def resources(self) -> list[dict[str, Any]]:
        return [attributes(each.resource) for body in self.bodies for each in parse(body).resource_spans]

    @property
    def spans(self) -> list[Any]:
        return [
            span
            for body in self.bodies
            for resource in parse(body).resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]


def parse(body: bytes) -> ExportTraceServiceRequest:
    return ExportTraceServiceRequest.FromString(body)


def attributes(of: Any) -> dict[str, Any]:
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in of.attributes}


@contextmanager
def collecting(environ: dict[str, str]) -> Iterator[Collector]:
    """Have whoever is started with this environment send its traces here."""
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            collector.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = f"http://127.0.0.1:{server.server_port}"
        environ["OTEL_BSP_SCHEDULE_DELAY"] = "100"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield collector
        finally:
            server.shutdown()
            thread.join()
