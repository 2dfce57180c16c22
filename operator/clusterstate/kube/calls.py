"""One request to the API server as inert data, and how it is named to people."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Literal, TypeAlias
from urllib.parse import urlencode

from clusterstate.kube.kinds import JsonObject, Kind

Verb: TypeAlias = Literal["get", "list", "watch", "create", "update", "patch", "delete"]

METHODS: Final[Mapping[Verb, str]] = MappingProxyType(
    {
        "get": "GET",
        "list": "GET",
        "watch": "GET",
        "create": "POST",
        "update": "PUT",
        "patch": "PATCH",
        "delete": "DELETE",
    }
)
"""HTTP methods by the verbs that RBAC rules name."""

JSON: Final = "application/json"
MERGE_PATCH: Final = "application/merge-patch+json"
APPLY_PATCH: Final = "application/apply-patch+yaml"
NAME_FIELD: Final = "metadata.name="
"""How a field selector for one object begins; RBAC rules with `resourceNames` let lists and watches with it pass."""
PARTIAL: Final = "application/json;as=PartialObjectMetadata{};v=v1;g=meta.k8s.io"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What is asked of the API server."""

    verb: Verb
    kind: Kind
    namespace: str | None = None
    name: str = ""
    subresource: str = ""
    query: Mapping[str, str] = field(default_factory=dict)
    body: JsonObject | None = field(default=None, repr=False)
    content_type: str = JSON

    @property
    def method(self) -> str:
        """The HTTP method."""
        return METHODS[self.verb]

    @property
    def target(self) -> str:
        """Path and query; empty parameters are left out."""
        query = urlencode({key: value for key, value in self.query.items() if value})
        name = "" if self.verb == "create" and not self.subresource else self.name
        path = self.kind.path(self.namespace, name, self.subresource)
        return f"{path}?{query}" if query else path

    @property
    def headers(self) -> dict[str, str]:
        """What the request says about its form and that of the answer."""
        accept = JSON
        if self.kind.metadata_only:
            accept = PARTIAL.format("List" if self.verb == "list" else "")
        return {"Accept": accept, "Content-Type": self.content_type}

    @property
    def text(self) -> str:
        """Name it for people: `update secrets/status prod/kubelet`."""
        resource = "/".join(part for part in (self.kind.plural, self.subresource) if part)
        selector = self.query.get("fieldSelector", "")
        name = selector.removeprefix(NAME_FIELD) if selector.startswith(NAME_FIELD) else self.name
        where = "/".join(part for part in (self.namespace, name) if part)
        if not where and self.kind.namespaced:
            where = "in all namespaces"
        return " ".join(part for part in (self.verb, resource, where) if part)
