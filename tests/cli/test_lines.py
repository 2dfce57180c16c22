"""Lines of the log: for people as ever, or an object each, whoever writes them."""

import json
import logging
from typing import Any

import pytest

from clusterstate.cli.lines import make_formatter

FACTS = {
    "namespace": "clusters",
    "name": "prod",
    "duration_seconds": 0.214,
    "requests": 3,
    "result": "stalled",
    "reason": "SpecInvalid",
}


def record(message: str, *arguments: object, **extra: Any) -> logging.LogRecord:
    made = logging.LogRecord("clusterstate.test", logging.WARNING, __file__, 1, message, arguments, None)
    made.created = 1767323045.6784
    made.__dict__.update(extra)
    return made


def as_json(made: logging.LogRecord) -> Any:
    text = make_formatter(as_json=True).format(made)
    assert "\n" not in text
    return json.loads(text)


def test_a_json_line_has_what_a_run_came_to() -> None:
    assert as_json(record("%s: ü\n2", "prod", run=FACTS)) == {
        "ts": "2026-01-02T03:04:05.678Z",
        "level": "WARNING",
        "logger": "clusterstate.test",
        "message": "prod: ü\n2",
        **FACTS,
    }


def test_a_text_line_ends_with_its_numbers() -> None:
    text = make_formatter(as_json=False).format(record("prod: No.", run=FACTS))
    assert text.endswith("WARNING clusterstate.test prod: No. duration_seconds=0.214 requests=3 result=stalled")
    assert make_formatter(as_json=False).format(record("plain")).endswith("clusterstate.test plain")


def test_a_line_of_kopf_names_its_object() -> None:
    reference = {"apiVersion": "clusterstate.dev/v1alpha1", "kind": "ClusterState", "name": "prod", "uid": "1"}
    line = as_json(record("Handled.", k8s_ref={**reference, "namespace": "clusters"}, k8s_skip=True))
    assert (line["namespace"], line["name"]) == ("clusters", "prod")
    assert "namespace" not in as_json(record("Handled.", k8s_ref={**reference, "namespace": None}))


def test_a_traceback_stays_in_its_line() -> None:
    made = record("It failed.")
    with pytest.raises(KeyError) as caught:
        raise KeyError(3)
    made.exc_info = (caught.type, caught.value, caught.tb)
    assert as_json(made)["exception"].splitlines()[-1] == "KeyError: 3"
