"""Every shape of a keyset that can't be mirrored, made from a sound one, and what is said of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from clusterstate.reasons import Reason


@dataclass(frozen=True)
class Break:
    """One way to be unusable."""

    reason: Reason
    says: str
    """What the message has beside the file."""
    change: Callable[[dict[str, Any]], object] | None = None
    """None: the file is no YAML any more."""

    def broken(self, keyset: bytes) -> bytes:
        """Give a file that is broken in this way."""
        if self.change is None:
            return b"truncated: ["
        document = yaml.safe_load(keyset)
        self.change(document["spec"])
        return yaml.safe_dump(document).encode()


def _distrust_all(spec: dict[str, Any]) -> None:
    for key in spec["keys"]:
        key["distrustTimestamp"] = "2026-11-23T06:56:47Z"


def _name_oddly(spec: dict[str, Any]) -> None:
    for number, key in enumerate(spec["keys"]):
        key["id"] = f"key-{number}"


def _lose_private_keys(spec: dict[str, Any]) -> None:
    for key in spec["keys"]:
        key.pop("privateMaterial", None)


BREAKS: Mapping[str, Break] = {
    "all-distrusted": Break(Reason.UNUSABLE_KEYSET, "all of its key pairs are distrusted", _distrust_all),
    "no-integer-ids": Break(Reason.UNUSABLE_KEYSET, "none of its trusted key pairs has an integer id", _name_oddly),
    "no-keys": Break(Reason.UNUSABLE_KEYSET, "it holds no key pair", lambda spec: spec.update(keys=[])),
    "no-private-key": Break(Reason.MIRROR_REFUSED, "has no private key", _lose_private_keys),
    "no-yaml": Break(Reason.MALFORMED_KEYSET, "is not YAML that kops could read"),
}
