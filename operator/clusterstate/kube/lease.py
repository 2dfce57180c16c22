"""A Lease as its candidates see it: whose it is, until when, and what to write into it. Pure.

Nobody's clock is compared with another's. A candidate measures by its own how long a record has stayed the same:
after the seconds that the record promises it is over, whatever times it holds (coordination.k8s.io/v1, LeaseSpec).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from clusterstate.kube.kinds import JsonObject

_MICROTIME: Final = "%Y-%m-%dT%H:%M:%S.%fZ"
"""How the API server wants a MicroTime."""


@dataclass(frozen=True, slots=True)
class Record:
    """What a Lease says, and which version of it that is."""

    holder: str
    """Empty: it was released."""
    seconds: float
    """How long it is its holder's without a renewal."""
    renewed: str
    transitions: int = 0
    acquired: str = ""
    version: str = ""
    uid: str = ""

    @classmethod
    def of(cls, body: JsonObject, seconds: float) -> "Record":
        """Read a Lease; `seconds` count where it names none that can be."""
        metadata, spec = body["metadata"], body.get("spec") or {}
        return cls(
            spec.get("holderIdentity") or "",
            max(spec.get("leaseDurationSeconds") or seconds, 0),
            spec.get("renewTime") or "",
            spec.get("leaseTransitions") or 0,
            spec.get("acquireTime") or "",
            metadata["resourceVersion"],
            metadata["uid"],
        )

    def says_as(self, other: "Record") -> bool:
        """Whether both say the same; labels, and what else others write there, are no renewal."""
        return replace(self, version="", uid="") == replace(other, version="", uid="")


@dataclass(slots=True)
class View:
    """What one candidate knows of the Lease. Moments are those of a clock of its own that only ever grows."""

    identity: str
    """Of this candidate; no other has the same."""
    seconds: float
    """How long the Lease is its holder's, where this candidate is."""
    record: Record | None = None
    """What it said last; None: there never was one."""
    since: float | None = None
    """When it was first seen to say so, or not to be there; None: nobody has looked yet."""
    there: bool = False
    """Whether it was there at the last look."""

    def take_in(self, body: JsonObject | None, now: float) -> None:
        """Take in what a look gave; None: it isn't there. Who deletes a Lease hasn't stopped its holder."""
        self.there = body is not None
        record = self.record if body is None else Record.of(body, self.seconds)
        if self.since is None or (record and not (self.record and record.says_as(self.record))):
            self.since = now
        self.record = record

    @property
    def is_mine(self) -> bool:
        """Whether it says that this candidate holds it."""
        return self.record is not None and self.record.holder == self.identity

    @property
    def holder(self) -> str:
        """Who held it last; empty: nobody."""
        return self.record.holder if self.record else ""

    def seconds_left(self, now: float, grace: float = 0.0) -> float:
        """Give how long somebody else holds it if nothing happens, and `grace` more; 0 or less: it can be taken."""
        if self.is_mine or self.since is None:
            return 0.0
        held = self.record.seconds if self.record and self.holder else 0.0
        return self.since + held + grace - now

    def claim(self, name: str, namespace: str, moment: datetime) -> JsonObject:
        """Give the Lease with this candidate as its holder, in place of the version that was seen."""
        before, now = self.record, moment.astimezone(UTC).strftime(_MICROTIME)
        acquired = before.acquired if before and self.is_mine and before.acquired else now
        count = before.transitions + (not self.is_mine) if before else 0
        spec = {"holderIdentity": self.identity, "acquireTime": acquired, "leaseTransitions": count}
        return self._body(name, namespace, {**spec, "leaseDurationSeconds": int(self.seconds), "renewTime": now})

    def release(self, name: str, namespace: str, moment: datetime) -> JsonObject:
        """Give the Lease without a holder: whoever sees it may take it at once."""
        assert self.record is not None, "who releases it has held it"
        now = moment.astimezone(UTC).strftime(_MICROTIME)
        spec = {"leaseTransitions": self.record.transitions, "leaseDurationSeconds": 1, "renewTime": now}
        return self._body(name, namespace, {**spec, "acquireTime": now})

    def _body(self, name: str, namespace: str, spec: Mapping[str, Any]) -> JsonObject:
        metadata = {"name": name, "namespace": namespace}
        if self.there and self.record is not None:
            metadata |= {"resourceVersion": self.record.version, "uid": self.record.uid}
        return {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata, "spec": dict(spec)}
