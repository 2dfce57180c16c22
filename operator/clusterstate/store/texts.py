"""Foreign words made fit for people: what a service says may be long, garbled, or repeat what we sent. Pure."""

import re
from collections.abc import Iterable

LONGEST = 240
"""Characters of foreign text that a message takes over."""

_QUERY = re.compile(r"(https?://[^\s?\"'<>]+)\?[^\s\"'<>]+")
_TOKEN = re.compile(r"eyJ[\w-]+\.[\w-]+(\.[\w-]*)?")
"""How JSON web tokens start: with `{"` in base64."""
_BLANK = re.compile(r"[\s\x00-\x1f\x7f-\x9f]+")


def quote_foreign(text: str, secrets: Iterable[str] = ()) -> str:
    """Give foreign text on one line, cut, without secrets, web tokens and the queries of URLs: signed ones are keys."""
    for secret in secrets:
        text = text.replace(secret, "***") if secret else text
    text = _TOKEN.sub("***", _QUERY.sub(r"\1?***", _BLANK.sub(" ", text))).strip()
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
