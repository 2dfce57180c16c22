"""One rule of the resource: how the API server checks it, how the operator does, and what both say."""

from collections.abc import Callable
from dataclasses import dataclass

from clusterstate.api.types import ClusterState


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: where it stands, how the API server checks it, how the operator does, and what both say."""

    path: str
    """The schema that carries it, as in `spec.sync.interval` or `spec.files[]`; empty: the whole object."""
    cel: str
    message: str
    holds: Callable[[ClusterState], bool]
    field_path: str = ""
    """The field to blame where that isn't `path` itself: relative to it, as in `.kmsKeyID`."""

    @property
    def field(self) -> str:
        """The field to blame, from the top of the object; one of an item by the list alone."""
        return f"{self.path}{self.field_path}".removeprefix(".").replace("[]", "")
