"""Private keys in fields of documents, such as the content of a file asset: found, and replaced where told. Pure."""

import re
from collections.abc import Callable
from typing import Final

from clusterstate.state.objects import Json

PRIVATE_KEY: Final = "PRIVATE KEY"
"""What the first line of one has in it, as PEM."""
_PRIVATE_KEY: Final = re.compile(rf"-----BEGIN [A-Z0-9 ]*{PRIVATE_KEY}|LS0tLS1CRUdJTi")
"""PEM, and how any PEM begins in base64, that of a certificate too."""


def holds_private_key(text: str) -> bool:
    """Whether a text may hold a private key."""
    return _PRIVATE_KEY.search(text) is not None


def veil(value: Json, stand_in: Callable[[str], str]) -> Json:
    """Give a value with something else in the place of each text that may hold a private key."""
    match value:
        case dict():
            return {name: veil(each, stand_in) for name, each in value.items()}
        case list():
            return [veil(each, stand_in) for each in value]
        case str() if holds_private_key(value):
            return stand_in(value)
        case _:
            return value
