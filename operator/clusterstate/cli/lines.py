"""Lines of the log of programs that go on: for people, or an object each for programs; those of libraries alike.

A line about a run has its facts too (`handlers.recording`), and one of kopf's names its object.
"""

import json
import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

TEXT: Final = "%(asctime)s %(levelname)-7s %(name)s %(message)s"
TOLD: Final = frozenset({"namespace", "name", "reason"})
"""Facts of a run that its message tells anyway."""


def make_formatter(*, as_json: bool) -> logging.Formatter:
    """Give what writes lines in one form or the other."""
    return JsonFormatter() if as_json else TextFormatter(TEXT)


def facts_of(record: logging.LogRecord) -> Mapping[str, Any]:
    """Give what a line is about, beside its message."""
    facts: Mapping[str, Any] = getattr(record, "run", {})
    if facts:
        return facts
    reference = getattr(record, "k8s_ref", None) or {}
    return {key: reference[key] for key in ("namespace", "name") if reference.get(key)}


class TextFormatter(logging.Formatter):
    """Lines for people; a run's ends with its numbers."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 (logging's own name)
        """Give the line without what an exception adds."""
        facts = [f" {key}={value}" for key, value in getattr(record, "run", {}).items() if key not in TOLD]
        return super().formatMessage(record) + "".join(facts)


class JsonFormatter(logging.Formatter):
    """One JSON object in each line."""

    def format(self, record: logging.LogRecord) -> str:
        """Give the line."""
        line = {
            "ts": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **facts_of(record),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)
