"""Keys: the relative paths by which files of a store are named.

Pure. A key is made of segments joined by `/`; none is empty, `.` or `..`; there are no control characters; the
whole is at most 1,024 bytes of UTF-8 (the limit of S3's API reference, the tightest of the services). What a
listing shows may break these rules (foreign files); such a file is listed but never read, written or deleted.
"""

import re

from clusterstate.errors import StoreRefused

MAX_BYTES = 1024
"""Longest key in bytes of UTF-8; a store's own prefix counts too."""
SHOWN = 120
"""Characters of a refused key that a message repeats."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def find_flaw(key: str) -> str | None:
    """Say what keeps the text from being a key, as the end of a sentence; None when it is one."""
    if not key:
        return "is empty"
    if _CONTROL.search(key):
        return "holds a control character or half of a surrogate pair"
    if len(key.encode()) > MAX_BYTES:
        return f"is longer than {MAX_BYTES} bytes"
    segments = key.split("/")
    if "" in segments:
        return "starts or ends with '/' or holds '//'"
    if "." in segments or ".." in segments:
        return "holds a segment '.' or '..'"
    return None


def check_key(key: str) -> str:
    """Give the key back; raise `StoreRefused` when it is none."""
    flaw = find_flaw(key)
    if flaw is not None:
        raise StoreRefused(f"The key {key[:SHOWN]!r} {flaw}. Give the file another path.")
    return key


def check_prefix(prefix: str) -> str:
    """Give the start of keys back (it may be empty, or end anywhere); raise `StoreRefused` when no key has it."""
    if not prefix:
        return prefix
    start = prefix.removesuffix("/")
    flaw = find_flaw(start)
    if flaw is not None and not _may_go_on(prefix):
        raise StoreRefused(f"The prefix {prefix[:SHOWN]!r} {flaw}. No key starts so.")
    return prefix


def _may_go_on(prefix: str) -> bool:
    """Whether only the unfinished last segment is at fault: `a/.` is the start of `a/.well-known`."""
    folder, _, last = prefix.rpartition("/")
    return last in {".", ".."} and (not folder or find_flaw(folder) is None)


def join(*parts: str) -> str:
    """Put parts of a key together, leaving empty ones out."""
    return "/".join(part for part in parts if part)
