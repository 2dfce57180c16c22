"""How times are spelt where people see them: in status and in Events. Pure."""

from datetime import UTC, datetime


def stamp(when: datetime) -> str:
    """Give a time as Kubernetes writes it: RFC 3339 in UTC, in whole seconds."""
    return when.astimezone(UTC).replace(microsecond=0, tzinfo=None).isoformat() + "Z"
