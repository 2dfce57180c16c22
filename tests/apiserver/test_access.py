"""How an object's store is reached: identities, bundles, proxies, and what many objects share when it fails."""

import json
import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from clusterstate.sandbox.controlplane import AUDIENCE, ControlPlane
from clusterstate.sandbox.s3server import S3Server
from tests.support.awsfront import AwsFront, Trust
from tests.support.faultproxy import Fault, FaultProxy
from tests.support.forwardproxy import ForwardProxy
from tests.support.moto import EVERYTHING, MotoServer
from tests.support.operating import Body, conditions
from tests.support.tokens import Issuer
from tests.support.world import COMPLEX, World, manifest

pytestmark = [pytest.mark.apiserver, pytest.mark.objectstore]
ANYBODY = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "*"}}
TRUST = json.dumps({"Version": "2012-10-17", "Statement": [ANYBODY]})
CREATED = {
    "authorization": {"rbac": {}},
    "channel": "stable",
    "cloudProvider": "aws",
    "kubernetesVersion": "v1.32.10",
}


@pytest.fixture
def aws(moto_server: MotoServer) -> Iterator[AwsFront]:
    with AwsFront(moto_server) as front:
        yield front


def make_role(moto_server: MotoServer, aws: AwsFront, name: str, trust: Trust) -> str:
    iam = moto_server.client("iam")
    arn: str = iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    document = json.dumps({"Version": "2012-10-17", "Statement": [EVERYTHING]})
    iam.put_role_policy(RoleName=name, PolicyName="only", PolicyDocument=document)
    aws.trusts[arn] = trust
    return arn


def with_account(world: World, aws: AwsFront) -> Body:
    """Give an object whose store is reached by a service account."""
    store = {"endpoint": aws.endpoint, "serviceAccountRef": {"name": "state"}}
    body = manifest(url=world.url, store=store, cluster=CREATED)
    del body["spec"]["store"]["credentialsSecretRef"]
    return body


def create_account(world: World, **annotations: str) -> None:
    metadata = {"name": "state", "annotations": annotations}
    world.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata})


def test_a_service_account_becomes_a_role(
    world: World, plane: ControlPlane, moto_server: MotoServer, aws: AwsFront
) -> None:
    """The token is the API server's own, for STS alone and for ten minutes; one serves many runs."""
    moto_server.client("s3").create_bucket(Bucket=world.bucket)
    subject = f"system:serviceaccount:{world.namespace}:state"
    role = make_role(moto_server, aws, world.namespace, Trust(Issuer.of(plane), subject))
    create_account(world, **{"eks.amazonaws.com/role-arn": role})
    mark = plane.audit_mark()
    world.apply(with_account(world, aws))
    with world.running():
        world.settled()
        world.kubectl("annotate", "cst/state", "clusterstate.dev/reconcile-requested-at=again")
        world.until(lambda: world.state()["status"].get("lastHandledReconcileAt") == "again")
    found = moto_server.client("s3").get_object(Bucket=world.bucket, Key=f"{COMPLEX}/config")["Body"].read()
    assert b"v1.32.10" in found
    tokens = [call for call in world.writes(mark) if "serviceaccounts" in call.resource]
    assert [call.status for call in tokens] == [201, 201], "one tells which audiences are the API's own"


def test_a_role_that_trusts_another_account_is_told(
    world: World, plane: ControlPlane, moto_server: MotoServer, aws: AwsFront
) -> None:
    trust = Trust(Issuer.of(plane), f"system:serviceaccount:{world.namespace}:other")
    create_account(world, **{"eks.amazonaws.com/role-arn": make_role(moto_server, aws, world.namespace, trust)})
    world.apply(with_account(world, aws))
    with world.running():
        body = world.settled(condition="Stalled", status="True", reason="AccessDenied")
    assert "AssumeRoleWithWebIdentity" in conditions(body)["StoreReachable"]["message"]


@pytest.mark.parametrize("audience", ["https://kubernetes.default.svc.cluster.local", AUDIENCE])
def test_no_token_for_the_api_itself_leaves_the_cluster(world: World, aws: AwsFront, audience: str) -> None:
    role = "arn:aws:iam::123456789012:role/any"
    create_account(world, **{"eks.amazonaws.com/role-arn": role, "eks.amazonaws.com/audience": audience})
    world.apply(with_account(world, aws))
    with world.running():
        body = world.settled(condition="Stalled", status="True", reason="CredentialsInvalid")
    assert "Kubernetes API itself" in conditions(body)["Ready"]["message"]
    assert aws.counts.total() == 0


def test_a_service_account_that_may_have_no_token_is_told(world: World, aws: AwsFront) -> None:
    """Whoever installs the operator decides: without the rule nobody's identity is used."""
    create_account(world, **{"eks.amazonaws.com/role-arn": "arn:aws:iam::123456789012:role/any"})
    world.apply(with_account(world, aws))
    world.start_operator()
    role = world.get("role", "operator")
    role["rules"] = [rule for rule in role["rules"] if rule["resources"] != ["serviceaccounts/token"]]
    world.kubectl("replace", "-f", "-", stdin=json.dumps(role))
    body = world.settled(condition="Stalled", status="True", reason="KubeForbidden")
    assert "create serviceaccounts/token" in conditions(body)["Ready"]["message"]


def test_what_the_store_names_and_is_not_there_is_told_and_heals(world: World, certificates: Path) -> None:
    body = manifest(url=world.url, store={"caBundleRef": {"name": "bundle"}}, cluster=CREATED)
    world.apply(body)
    with world.running():
        missing = world.settled(condition="Reconciling", status="True")
        assert conditions(missing)["Ready"]["reason"] == "ReferenceNotFound"
        assert f"ConfigMap {world.namespace}/bundle" in conditions(missing)["Ready"]["message"]
        data = {"ca.crt": (certificates / "ca.crt").read_text()}
        world.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "bundle"}, "data": data})
        world.settled()


@pytest.mark.parametrize("kind", ["ConfigMap", "Secret"])
def test_a_bundle_and_a_proxy_lead_to_the_store(
    world: World, s3_server: S3Server, tls: ssl.SSLContext, certificates: Path, kind: str
) -> None:
    bundle = (certificates / "ca.crt").read_text()
    data = {"data": {"corp.pem": bundle}} if kind == "ConfigMap" else {"stringData": {"corp.pem": bundle}}
    world.apply({"apiVersion": "v1", "kind": kind, "metadata": {"name": "bundle"}, **data})
    with FaultProxy(s3_server.endpoint, context=tls) as front, ForwardProxy("me", "word") as proxy:
        world.endpoint = front.endpoint
        world.set_credentials()
        url = proxy.url.replace("//", "//me:word@")
        world.kubectl("patch", "secret/store", "--type=merge", "-p", json.dumps({"stringData": {"HTTPS_PROXY": url}}))
        reference = {"caBundleRef": {"kind": kind, "name": "bundle", "key": "corp.pem"}}
        world.apply(manifest(url=world.url, store=reference, cluster=CREATED))
        with world.running():
            world.settled()
        assert set(proxy.targets) == {front.endpoint.removeprefix("https://")}
    assert b"v1.32.10" in world.read(f"{COMPLEX}/config")
    assert "word" not in world.log.read_text()


def test_a_changed_secret_changes_the_next_run(world: World) -> None:
    world.apply(manifest(url=world.url, cluster=CREATED))
    with world.running():
        world.settled()
        world.set_credentials("wrong" * 8)
        world.kubectl("annotate", "cst/state", "clusterstate.dev/reconcile-requested-at=wrong")
        world.settled(condition="Stalled", status="True", reason="AuthenticationFailed")
        world.set_credentials()
        world.kubectl("annotate", "--overwrite", "cst/state", "clusterstate.dev/reconcile-requested-at=right")
        world.settled()


def test_of_many_objects_one_asks_a_store_that_fails(world: World, s3_server: S3Server) -> None:
    """Twenty states of one bucket: in an outage there is one look at a time, and all recover at once."""
    with FaultProxy(s3_server.endpoint) as proxy:
        world.endpoint = proxy.endpoint
        world.set_credentials()
        names = [f"state-{number}" for number in range(20)]
        for name in names:
            world.load_store(as_name=f"{name}.example.com")
            sync = {"interval": "10s", "dryRun": True}
            world.apply(manifest(name, url=world.url, clusterName=f"{name}.example.com", sync=sync))
        with world.running():
            for name in names:
                world.settled(name)
            with proxy.failing(Fault(status=503)):
                for name in names:
                    world.settled(name, "StoreReachable", status="False", reason="StoreUnavailable")
                seen, start = proxy.counts.total(), time.monotonic()
                time.sleep(15)
                looks = (proxy.counts.total() - seen) / 4  # each look has four attempts
                assert looks <= 1 + (time.monotonic() - start) / 2, "twenty would have made some hundred"
            for name in names:
                world.settled(name, "StoreReachable", status="True")


def test_who_keeps_to_s3_loads_nothing_else(world: World) -> None:
    world.environ["PYTHONPROFILEIMPORTTIME"] = "1"  # each import becomes a line on stderr, which is the log
    world.apply(manifest(url=world.url, cluster=CREATED))
    with world.running():
        world.settled()
    loaded = {line.rpartition("|")[2].strip() for line in world.log.read_text().splitlines() if "import time:" in line}
    assert "botocore" in loaded, "so the list is what it seems to be"
    roots = {name.partition(".")[0] for name in loaded}
    assert not roots & {"google", "oss2", "openstack", "keystoneauth1", "swiftclient", "boto3"}
