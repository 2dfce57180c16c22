"""Service accounts of Kubernetes that are somebody at Google's: the tokens are the real API server's."""

import json
import ssl
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from clusterstate.sandbox.controlplane import ControlPlane
from tests.support.backings import load_store
from tests.support.backings.gcs import GcsBacking
from tests.support.faultproxy import FaultProxy
from tests.support.forwardproxy import ForwardProxy
from tests.support.gcs.server import POOL, GcsServer
from tests.support.operating import Operating, conditions
from tests.support.tokens import Issuer

pytestmark = [pytest.mark.apiserver, pytest.mark.objectstore]
NAME = "prod.example.com"
CLUSTER = "projects/{project}/locations/europe-west3/clusters/prod"


@pytest.fixture
def operating(plane: ControlPlane, namespace: str, tmp_path: Path) -> Iterator[Operating]:
    made = Operating(plane, namespace, tmp_path)
    yield made
    made.stop_operator()


@pytest.fixture
def google(gcs_server: GcsServer, tls: ssl.SSLContext) -> Iterator[ForwardProxy]:
    """The way to Google's own addresses."""
    with (
        FaultProxy(gcs_server.endpoint, context=tls) as face,
        ForwardProxy(routes={"*.googleapis.com:443": face.endpoint.removeprefix("https://")}) as proxy,
    ):
        yield proxy


@pytest.fixture
def project(namespace: str) -> str:
    """A project of the test's own."""
    return f"acme-{namespace}"


@pytest.fixture
def principal(gcs_server: GcsServer, plane: ControlPlane, namespace: str, project: str) -> str:
    """Who the service account `state` is at Google: the project's pool trusts this API server."""
    pool = f"{project}.svc.id.goog"
    audience = f"identitynamespace:{pool}:https://container.googleapis.com/v1/{CLUSTER.format(project=project)}"
    start = f"principal://iam.googleapis.com/{POOL.rpartition('/')[0]}/{pool}/subject/"
    gcs_server.create_provider(audience, f"{start}{{}}", Issuer.of(plane).key, token_audience=pool)
    return f"{start}system:serviceaccount:{namespace}:state"


@pytest.fixture
def declare(operating: Operating, google: ForwardProxy, certificates: Path, gs_backing: GcsBacking) -> None:
    """Declare a state that is reached by the service account `state`, through the proxy."""
    load_store(gs_backing, NAME)
    bundle = (certificates / "ca.crt").read_text()
    operating.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "ca"}, "data": {"ca.crt": bundle}})
    store = {
        "url": gs_backing.url,
        "serviceAccountRef": {"name": "state"},
        "proxy": google.url,
        "caBundleRef": {"name": "ca"},
    }
    spec = {"clusterName": NAME, "store": store, "cluster": {"kubernetesVersion": "v1.32.10"}}
    operating.apply(
        {"apiVersion": "clusterstate.dev/v1alpha1", "kind": "ClusterState", "metadata": {"name": "state"}, "spec": spec}
    )


def create_account(operating: Operating, annotations: Mapping[str, str]) -> None:
    metadata = {"name": "state", "annotations": annotations}
    operating.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata})


@pytest.mark.usefixtures("declare")
def test_on_gke_a_service_account_acts_as_googles(
    operating: Operating,
    gcs_server: GcsServer,
    gs_backing: GcsBacking,
    google: ForwardProxy,
    principal: str,
    project: str,
) -> None:
    """The token is for the pool alone; one exchange serves many runs."""
    account = gcs_server.create_account()
    gcs_server.let_impersonate(principal, account.email)
    create_account(operating, {"iam.gke.io/gcp-service-account": account.email})
    operating.environ["CLUSTERSTATE_GKE_CLUSTER"] = CLUSTER.format(project=project)
    mark = operating.plane.audit_mark()
    with operating.running():
        operating.settled()
        operating.kubectl("annotate", "cst/state", "clusterstate.dev/reconcile-requested-at=again")
        operating.until(lambda: operating.state()["status"].get("lastHandledReconcileAt") == "again")
    assert b"v1.32.10" in gs_backing.read(f"{NAME}/config")
    asked = [call.uri for call in operating.writes(mark) if "serviceaccounts" in call.resource]
    assert ["dryRun=All" in uri for uri in asked] == [True, False], "one token, after a look at the API's own audiences"
    called = {target.partition(".")[0] for target in google.targets}
    assert called == {"sts", "iamcredentials", "storage"}


@pytest.mark.usefixtures("declare")
def test_tokens_of_short_life_are_renewed_in_mid_run(
    operating: Operating, gcs_server: GcsServer, gs_backing: GcsBacking, principal: str, project: str
) -> None:
    account = gcs_server.create_account(lifetime=1)
    gcs_server.let_impersonate(principal, account.email)
    create_account(operating, {"iam.gke.io/gcp-service-account": account.email})
    operating.environ["CLUSTERSTATE_GKE_CLUSTER"] = CLUSTER.format(project=project)
    with operating.running():
        operating.settled()
    assert b"v1.32.10" in gs_backing.read(f"{NAME}/config")


@pytest.mark.usefixtures("declare")
def test_elsewhere_a_provider_takes_the_token(
    operating: Operating, gcs_server: GcsServer, gs_backing: GcsBacking, plane: ControlPlane, namespace: str
) -> None:
    """No account of Google's is needed: the principal itself may have the permissions."""
    provider = f"{POOL}/providers/{namespace}"
    audience = f"//iam.googleapis.com/{provider}"
    start = f"principal://iam.googleapis.com/{POOL}/subject/"
    gcs_server.create_provider(audience, f"{start}{{}}", Issuer.of(plane).key, token_audience=audience)
    create_account(operating, {"clusterstate.dev/workload-identity-provider": provider})
    with operating.running():
        denied = operating.settled(condition="Stalled", status="True", reason="AccessDenied")
        who = f"{start}system:serviceaccount:{namespace}:state"
        assert f"Grant storage.objects.list to {who}." in conditions(denied)["Ready"]["message"]
        gcs_server.permit(who)
        operating.kubectl("annotate", "cst/state", "clusterstate.dev/reconcile-requested-at=granted")
        operating.settled()
    assert b"v1.32.10" in gs_backing.read(f"{NAME}/config")


@pytest.mark.usefixtures("declare")
def test_an_operator_that_does_not_know_its_cluster_says_what_to_do(operating: Operating) -> None:
    create_account(operating, {})
    operating.environ["GCE_METADATA_HOST"] = "127.0.0.1:9"
    with operating.running():
        stalled = operating.settled(condition="Stalled", status="True", reason="CredentialsInvalid")
    message = conditions(stalled)["Ready"]["message"]
    assert "clusterstate.dev/workload-identity-provider" in message
    assert "CLUSTERSTATE_GKE_CLUSTER" in message


@pytest.mark.usefixtures("declare")
def test_no_log_of_the_operator_shows_a_token(
    operating: Operating, gcs_server: GcsServer, principal: str, project: str
) -> None:
    account = gcs_server.create_account()
    gcs_server.let_impersonate(principal, account.email)
    create_account(operating, {"iam.gke.io/gcp-service-account": account.email})
    operating.environ |= {
        "CLUSTERSTATE_GKE_CLUSTER": CLUSTER.format(project=project),
        "CLUSTERSTATE_LOG_LEVEL": "DEBUG",
    }
    with operating.running():
        operating.settled()
    log = operating.log.read_text()
    assert "ya29." not in log
    assert "eyJ" not in log
    assert "ya29." not in json.dumps(operating.state())
