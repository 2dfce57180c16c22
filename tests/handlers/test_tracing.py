"""Traces are made where OpenTelemetry's own variables ask for them, and cost nothing where they don't."""

import subprocess
import sys
from collections.abc import Mapping

import pytest

from clusterstate.errors import SpecInvalid
from clusterstate.handlers.tracing import are_wanted, tracing

HERE = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:4318"}
UNUSED = """
import asyncio, sys
from clusterstate.handlers.operator import tracing
async def main():
    async with tracing({}) as tracer:
        tracer(("clusters", "prod")).enter("list")
asyncio.run(main())
assert not [name for name in sys.modules if name.startswith("opentelemetry")]
"""


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, False),
        (HERE, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://localhost:4318/v1/traces"}, True),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, True),
        ({"OTEL_TRACES_EXPORTER": "none", **HERE}, False),
        ({"OTEL_SDK_DISABLED": "TRUE", **HERE}, False),
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf", **HERE}, True),
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, False),
    ],
)
def test_the_standard_variables_turn_them_on(environ: Mapping[str, str], expected: bool) -> None:  # noqa: FBT001 - a column of the table
    assert are_wanted(environ) is expected


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"OTEL_TRACES_EXPORTER": "zipkin"}, "OTEL_TRACES_EXPORTER is 'zipkin'. Give otlp or none"),
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", **HERE}, "'grpc' of OpenTelemetry. Give http/protobuf"),
    ],
)
def test_what_cannot_be_had_stops_the_operator(environ: Mapping[str, str], said: str) -> None:
    with pytest.raises(SpecInvalid, match=said):
        are_wanted(environ)


async def test_without_the_packages_it_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(SpecInvalid, match=r"Install clusterstate\[tracing\]"):
        async with tracing(HERE):
            raise AssertionError


def test_nothing_of_it_is_loaded_unless_asked_for() -> None:
    done = subprocess.run([sys.executable, "-c", UNUSED], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
