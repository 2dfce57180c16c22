"""Where an object's state lies, as far as its own text tells. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import msgspec

from clusterstate.api.store import Layout, StoreSpec
from clusterstate.errors import AccessDenied, MigrationRefused, StoreError, StoreNotFound
from clusterstate.plan.naming import named
from clusterstate.store.location import Location


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the newest push went: there the state is, whatever the object says since."""

    store: Mapping[str, Any]
    """`spec.store` as plain JSON."""
    place: str = ""
    """`Location.identity` of the state; empty where it wasn't known."""

    @property
    def spec(self) -> StoreSpec:
        """The same as a type; raise `MigrationRefused` where a newer version wrote it."""
        try:
            return msgspec.convert(self.store, StoreSpec)
        except msgspec.ValidationError:
            raise MigrationRefused(
                "The newest revision tells of a store in words of a newer version, so that it isn't known whether the "
                "state has to move. Use that version, or set spec.store back to what it was."
            ) from None


def as_plain(spec: StoreSpec) -> dict[str, Any]:
    """Give `spec.store` as JSON that equals another one exactly when both say the same."""
    plain: dict[str, Any] = msgspec.to_builtins(spec)
    return plain


def is_elsewhere(one: StoreSpec, other: StoreSpec, namespace: str, cluster_name: str) -> bool:
    """Whether two specs lead to different places, as far as their own text tells."""
    places = [(locate_state(each, namespace, cluster_name), layout_of(each)) for each in (one, other)]
    return places[0] != places[1]


def layout_of(spec: StoreSpec) -> Layout:
    """Give how files lie in a store that is in Kubernetes."""
    return spec.k8s.layout if spec.k8s else Layout.SECRETS


def locate_store(spec: StoreSpec, namespace: str, cluster_name: str) -> Location:
    """Give the place of the store; raise `SpecInvalid` for a URL that is none.

    A store in Kubernetes is in the object's own namespace unless it names another, and in the one that kops derives
    from the cluster's name where it is kept as kops's own objects (kops, pkg/client/simple/api/clientset.go).
    """
    if spec.k8s is not None and spec.k8s.layout is Layout.KOPS_RESOURCES:
        namespace = cluster_name.replace(".", "-")
    return Location.parse(spec.url).within(namespace)


def locate_state(spec: StoreSpec, namespace: str, cluster_name: str) -> Location:
    """Give the place of the state, `{store}/{cluster}`; raise `SpecInvalid` for a URL that is none."""
    return locate_store(spec, namespace, cluster_name).child(cluster_name)


@contextmanager
def led_by(config: Location, urls: Sequence[str]) -> Iterator[None]:
    """Have an error of a place that a `config` names say who leads there: nobody declared or chose it.

    Others who use the same store have nothing to do with it.
    """
    try:
        yield
    except (AccessDenied, StoreNotFound) as error:
        told = type(error)(
            f"{config.url} places files at {named(urls)}, by configBase, keyStore or secretStore. {error.fact}",
            retry_after=error.retry_after,
        )
        told.alone = True
        raise told from error
    except StoreError as error:
        error.alone = True
        raise
