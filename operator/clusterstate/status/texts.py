"""How times and long texts are spelt where people see them: in status and in Events. Pure."""

from datetime import UTC, datetime


def stamp(when: datetime) -> str:
    """Give a time as Kubernetes writes it: RFC 3339 in UTC, in whole seconds."""
    return when.astimezone(UTC).replace(microsecond=0, tzinfo=None).isoformat() + "Z"


def cut(text: str, longest: int) -> str:
    """Give at most that many characters; an ellipsis tells that there were more."""
    return text if len(text) <= longest else text[: longest - 1] + "…"
