"""What every declared type is built from: names, durations, globs, labels. Pure data."""

from typing import Annotated, TypeAlias

from msgspec import Meta, Struct, ValidationError

from clusterstate.api.durations import DURATION_PATTERN, MAX_LENGTH

# Patterns end in Python's \Z, since its $ passes a last newline over; the CRD has $, which means that in Go.
DNS_NAME = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\Z"
DNS_LABEL = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?\Z"
LABEL_VALUE = r"^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?\Z"
MAX_LABELS = 64
LONGEST_LABEL = 63
LONGEST_NAME = 253
FILE_NAME = r"^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?\Z"

Duration: TypeAlias = Annotated[str, Meta(pattern=DURATION_PATTERN, min_length=2, max_length=MAX_LENGTH)]
Name: TypeAlias = Annotated[str, Meta(pattern=DNS_NAME, min_length=1, max_length=LONGEST_NAME)]
Glob: TypeAlias = Annotated[str, Meta(min_length=1, max_length=LONGEST_NAME)]
Globs: TypeAlias = Annotated[tuple[Glob, ...], Meta(max_length=128)]
Labels: TypeAlias = Annotated[
    dict[str, Annotated[str, Meta(pattern=LABEL_VALUE, max_length=LONGEST_LABEL)]],
    Meta(max_length=MAX_LABELS),
]
Annotations: TypeAlias = Annotated[dict[str, Annotated[str, Meta(max_length=4096)]], Meta(max_length=64)]


class Declared(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True, rename="camel"):
    """The base of everything that people write."""


def tell_invalid(error: ValidationError, whole: str) -> str:
    """Say in which field of what somebody wrote what is wrong; `whole` names all of it."""
    what, _, where = str(error).partition(" - at `$")
    return f"{where.removeprefix('.').rstrip('`') or whole}: {what}."
