"""How a message names a few of many things. Pure."""

from collections.abc import Sequence
from typing import Final

NAMED: Final = 5
"""Files, fields or objects that a message names before it says `and N more`."""


def named(names: Sequence[str], separator: str = ", ") -> str:
    """Give the first few names, and how many there are besides."""
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"{separator.join(names[:NAMED])}{more}"
