"""Names: a template, a kind and a name of the store become what Kubernetes takes as a name or a key."""

import re
from collections.abc import Mapping
from hashlib import sha256

MAX_NAME = 253
"""Characters of an object's name (DNS-1123 subdomain) and of a key in a Secret's data."""
MAX_LABEL_VALUE = 63
"""Characters of a label's value."""
DIGEST_LENGTH = 10
"""Hex digits of SHA-256: names that differ only in what was lost stay apart."""
STAMP_LENGTH = 16
"""Hex digits of a content's keyed digest in the name of an immutable mirror; not as many as `fitted` puts there."""

_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_STAMP = re.compile(rf"(.+)-[0-9a-f]{{{STAMP_LENGTH}}}")
_FIELD = re.compile(r"\{(\w+)\}")


def mirror_name(template: str, fields: Mapping[str, str]) -> str:
    """Fill `{field}`s of a template and give a valid object name; a field that isn't known stays as it is.

    A valid result stands as it is. Any other is lower-cased, cut and ends in a digest of itself, so that one
    original always gives the same name and two originals hardly ever do.
    """
    return fitted(_FIELD.sub(lambda match: fields.get(match[1], match[0]), template), MAX_NAME)


def fitted(text: str, longest: int) -> str:
    """Give the text if it is a DNS-1123 subdomain of at most `longest` characters, else one made from it."""
    if len(text) <= longest and _SUBDOMAIN.fullmatch(text):
        return text
    labels = (re.sub(r"[^a-z0-9]+", "-", label).strip("-") for label in text.lower().split("."))
    readable = ".".join(filter(None, labels))[: longest - DIGEST_LENGTH - 1].rstrip("-.")
    digest = sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:DIGEST_LENGTH]
    return f"{readable}-{digest}" if readable else digest


def stamped(name: str, digest: str) -> str:
    """Give the name of an immutable mirror: that of the mutable one and the end of its content's digest."""
    return f"{fitted(name, MAX_NAME - STAMP_LENGTH - 1)}-{digest[-STAMP_LENGTH:]}"


def unstamped(name: str) -> str:
    """Give what `stamped` put a digest to; any other name as it is."""
    match = _STAMP.fullmatch(name)
    return match[1] if match else name


def data_key(name: str) -> str:
    """Give the key of a Secret's data for a secret of the store: its name, as far as a key may hold it.

    Old stores have names such as `system:dns`; what a key may not hold becomes `-`.
    """
    key = re.sub(r"[^-._a-zA-Z0-9]", "-", name)[:MAX_NAME]
    return f"-{key[1:]}" if key == "." or key.startswith("..") else key
