"""Digests that tell whether a content is another one, and nothing about the content: not even whoever guesses it.

HMAC-SHA-256 under the installation's key (see `kube.installation`). The key's own short name stands in front, so that
digests under another key are never taken for other contents.
"""

import hmac


class Digests:
    """Makes digests under one key."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._name = hmac.digest(key, b"name of the key", "sha256").hex()[:16]

    def of(self, key: str, data: bytes) -> str:
        """Give the digest of a file's content; of the same file it is equal exactly when the contents are."""
        digest = hmac.digest(self._key, key.encode() + b"\0" + data, "sha256")
        return f"{self._name}:{digest.hex()}"


def comparable(one: str, other: str) -> bool:
    """Whether two digests were made under the same key; a fingerprint needs none."""
    return one.rpartition(":")[0] == other.rpartition(":")[0]
