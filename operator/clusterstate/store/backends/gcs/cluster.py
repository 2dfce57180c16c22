"""Which GKE cluster this is, as the metadata service tells: its identities are exchanged in the cluster's own pool."""

import threading
from functools import lru_cache
from typing import Final

import requests

from clusterstate.errors import CredentialsInvalid, StoreUnavailable
from clusterstate.store.backends.gcs.rules import CLUSTER, PROVIDER_ANNOTATION
from clusterstate.store.sessions import wired
from clusterstate.store.texts import quote_foreign
from clusterstate.store.wire import Wire

_PATHS: Final = ("project/project-id", "instance/attributes/cluster-location", "instance/attributes/cluster-name")
_LOCK: Final = threading.Lock()


def find_cluster(host: str) -> str:
    """Give projects/PROJECT/locations/LOCATION/clusters/CLUSTER, asked once per process; blocks.

    Raises `CredentialsInvalid` where there is no metadata service, or none of GKE, `StoreUnavailable` where it fails.
    """
    with _LOCK:
        return _ask(host)


@lru_cache(maxsize=8)
def _ask(host: str) -> str:
    with wired(requests.Session(), Wire()) as session:
        project, location, name = (_value(session, f"http://{host}/computeMetadata/v1/{path}") for path in _PATHS)
    return f"projects/{project}/locations/{location}/clusters/{name}"


def _value(session: requests.Session, url: str) -> str:
    try:
        answer = session.get(url, headers={"Metadata-Flavor": "Google"})
    except requests.Timeout:
        raise _unavailable(url, "Timeout") from None
    except requests.RequestException:
        raise _elsewhere() from None
    if answer.status_code == requests.codes.not_found:
        raise _elsewhere()
    text = answer.text.strip()
    if not answer.ok or not text or not text.isprintable() or "/" in text:
        raise _unavailable(url, str(answer.status_code))
    return text


def _unavailable(url: str, said: str) -> StoreUnavailable:
    return StoreUnavailable(f"The metadata service didn't answer {url} properly ({quote_foreign(said)}).")


def _elsewhere() -> CredentialsInvalid:
    return CredentialsInvalid(
        f"The service account has no annotation {PROVIDER_ANNOTATION}, and the operator isn't on GKE as far as its "
        f"metadata service tells. Set the annotation, or have {CLUSTER} set for the operator."
    )
