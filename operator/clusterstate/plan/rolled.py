"""What people confirm of rolling updates: a list in one annotation, of key ids and of places after a move. Pure."""

import re
from collections.abc import Collection
from typing import Final

from clusterstate.api.annotations import ROLLED

PROMOTED: Final = "/promoted"
"""Behind a key's id: nodes were rolled after it had become the primary, too."""
_SAFE: Final = re.compile(r"[A-Za-z0-9:/._#@%+=~-]+")
"""What may be repeated in a command that people paste into a shell."""


def confirmations(value: str) -> tuple[str, ...]:
    """Give each part of the annotation's value once, in its order."""
    return tuple(dict.fromkeys(part.strip() for part in value.split(",") if part.strip()))


def is_confirmed(value: str, what: str) -> bool:
    """Whether the annotation's value names that, which may have commas of its own."""
    return f",{what}," in f",{','.join(confirmations(value))},"


def confirm_command(name: str, value: str, what: str, without: Collection[str] = ()) -> str:
    """Give the command that adds a confirmation to what the object of that name has, less what it makes untrue."""
    kept = [part for part in confirmations(value) if part not in {what, *without} and _SAFE.fullmatch(part)]
    added = [what] if what else []
    return f"kubectl annotate --overwrite clusterstate/{name} {ROLLED}={','.join([*kept, *added])}"
