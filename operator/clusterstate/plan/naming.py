"""How a message names a few of many things, and how long texts end. Pure."""

from collections.abc import Sequence
from typing import Final

NAMED: Final = 5
"""Files, fields or objects that a message names before it says `and N more`."""


def named(names: Sequence[str], separator: str = ", ") -> str:
    """Give the first few names, and how many there are besides."""
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"{separator.join(names[:NAMED])}{more}"


def cut(text: str, longest: int) -> str:
    """Give at most that many characters; an ellipsis tells that there were more."""
    return text if len(text) <= longest else text[: longest - 1] + "…"
