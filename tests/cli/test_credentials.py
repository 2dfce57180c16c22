"""A store is reached with the variables, files and defaults of kops's page, whatever its kind."""

import json
import secrets
import ssl
from collections.abc import Mapping
from pathlib import Path

import pytest

from clusterstate.sandbox.controlplane import ControlPlane
from clusterstate.sandbox.s3server import S3Server
from tests.support.backings.gcs import GcsBacking
from tests.support.backings.oss import OssBacking
from tests.support.backings.swift import SwiftBacking
from tests.support.cli import clusterstate
from tests.support.faultproxy import FaultProxy
from tests.support.forwardproxy import ForwardProxy
from tests.support.gcs.server import GcsServer
from tests.support.openstack.identity import REGION
from tests.support.world import DATA, MINIMAL

pytestmark = pytest.mark.objectstore
CONFIG = (DATA / "kops-store" / MINIMAL / "config").read_bytes()


def clusters(url: str, home: Path, environ: Mapping[str, str]) -> str:
    done = clusterstate("get", "clusters", "--state", url, "-o", "name", home=home, **environ)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture
def loaded(s3_server: S3Server, bucket: str) -> str:
    s3_server.client().put_object(Bucket=bucket, Key=f"{MINIMAL}/config", Body=CONFIG)
    return bucket


@pytest.mark.parametrize("scheme", ["s3", "do", "linode", "hos", "scw"])
def test_a_custom_s3_store(scheme: str, loaded: str, s3_server: S3Server, tmp_path: Path) -> None:
    assert clusters(f"{scheme}://{loaded}", tmp_path, s3_server.variables) == MINIMAL


def test_an_s3_store_with_amazons_own_variables(loaded: str, s3_server: S3Server, tmp_path: Path) -> None:
    environ = {
        "AWS_ENDPOINT_URL_S3": s3_server.endpoint,
        "AWS_REGION": s3_server.region,
        "AWS_ACCESS_KEY_ID": s3_server.access_key,
        "AWS_SECRET_ACCESS_KEY": s3_server.secret_key,
    }
    assert clusters(f"s3://{loaded}", tmp_path, environ) == MINIMAL


def test_an_s3_store_with_amazons_credentials_file(loaded: str, s3_server: S3Server, tmp_path: Path) -> None:
    (tmp_path / ".aws").mkdir()
    keys = f"aws_access_key_id={s3_server.access_key}\naws_secret_access_key={s3_server.secret_key}\n"
    (tmp_path / ".aws" / "credentials").write_text(f"[kops]\n{keys}")
    environ = {"AWS_ENDPOINT_URL_S3": s3_server.endpoint, "AWS_REGION": s3_server.region, "AWS_PROFILE": "kops"}
    assert clusters(f"s3://{loaded}", tmp_path, environ) == MINIMAL


def test_an_oss_store(oss_backing: OssBacking, tmp_path: Path) -> None:
    oss_backing.put(f"{MINIMAL}/config", CONFIG)
    environ = {
        "OSS_ENDPOINT": oss_backing.server.endpoint,
        "ALIYUN_ACCESS_KEY_ID": oss_backing.server.access_key,
        "ALIYUN_ACCESS_KEY_SECRET": oss_backing.server.secret_key,
    }
    assert clusters(oss_backing.url, tmp_path, environ) == MINIMAL


SWIFT = ["password", "ids", "application credential", "credentials file", "home file"]


@pytest.mark.parametrize("by", SWIFT)
def test_a_swift_store(by: str, swift_backing: SwiftBacking, tmp_path: Path) -> None:
    swift_backing.put(f"{MINIMAL}/config", CONFIG)
    user, credential = swift_backing.user, swift_backing.credential
    where = {"OS_AUTH_URL": swift_backing.server.keystone.url, "OS_REGION_NAME": REGION}
    environ = {
        "password": {
            **where,
            "OS_USERNAME": user.name,
            "OS_PASSWORD": user.password,
            "OS_DOMAIN_NAME": "Default",
            "OS_PROJECT_NAME": user.project_name,
        },
        "ids": {**where, "OS_USERID": user.id, "OS_PASSWORD": user.password, "OS_TENANT_ID": user.project_id},
        "application credential": {
            **where,
            "OS_APPLICATION_CREDENTIAL_ID": credential.id,
            "OS_APPLICATION_CREDENTIAL_SECRET": credential.secret,
        },
        "credentials file": {"OPENSTACK_CREDENTIAL_FILE": str(tmp_path / "openstack.ini"), "OS_REGION_NAME": REGION},
        "home file": {"OS_REGION_NAME": REGION},
    }[by]
    fields = {
        "identity": swift_backing.server.keystone.url,
        "user": user.name,
        "password": user.password,
        "domain_name": "Default",
        "tenant_id": user.project_id,
    }
    text = "[Default]\n" + "".join(f"{name} = {value}\n" for name, value in fields.items())
    (tmp_path / "openstack.ini").write_text(text)
    if by == "home file":
        (tmp_path / ".openstack").mkdir()
        (tmp_path / ".openstack" / "config").write_text(text)
    assert clusters(swift_backing.url, tmp_path, environ) == MINIMAL


def test_a_google_store(
    gs_backing: GcsBacking, gcs_server: GcsServer, tls: ssl.SSLContext, certificates: Path, tmp_path: Path
) -> None:
    gs_backing.put(f"{MINIMAL}/config", CONFIG)
    document = gs_backing.account.changed(token_uri="https://oauth2.googleapis.com/token")
    (tmp_path / "key.json").write_text(document)
    with FaultProxy(gcs_server.endpoint, context=tls) as face:
        routes = {"*.googleapis.com:443": face.endpoint.removeprefix("https://")}
        with ForwardProxy(routes=routes) as google:
            environ = {
                "GOOGLE_APPLICATION_CREDENTIALS": str(tmp_path / "key.json"),
                "HTTPS_PROXY": google.url,
                "REQUESTS_CA_BUNDLE": str(certificates / "ca.crt"),
            }
            assert clusters(gs_backing.url, tmp_path, environ) == MINIMAL


@pytest.mark.apiserver
def test_a_store_in_kubernetes(control_plane: ControlPlane, namespace: str, tmp_path: Path) -> None:
    environ = {"KUBECONFIG": str(control_plane.kubeconfig)}
    source = tmp_path / "state" / MINIMAL
    source.mkdir(parents=True)
    (source / "config").write_bytes(CONFIG)
    url = f"k8s:///{namespace}/{secrets.token_hex(3)}"
    copied = clusterstate("copy", f"file://{tmp_path}/state", url, "--yes", home=tmp_path, **environ)
    assert copied.returncode == 0, copied.stderr
    assert clusters(url, tmp_path, environ) == MINIMAL


def test_a_folder(tmp_path: Path) -> None:
    (tmp_path / MINIMAL).mkdir()
    (tmp_path / MINIMAL / "config").write_bytes(CONFIG)
    assert clusters(f"file://{tmp_path}", tmp_path, {}) == MINIMAL


def test_who_is_unknown_to_the_store_is_told_so_without_a_key(loaded: str, s3_server: S3Server, tmp_path: Path) -> None:
    environ = {
        "S3_ENDPOINT": s3_server.endpoint,
        "S3_REGION": s3_server.region,
        "S3_ACCESS_KEY_ID": s3_server.access_key,
        "S3_SECRET_ACCESS_KEY": "canary-secret",
    }
    done = clusterstate("get", "clusters", "--state", f"s3://{loaded}", home=tmp_path, **environ)
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (1, "", 1)
    assert "canary" not in done.stderr
    assert json.dumps(s3_server.access_key) not in done.stderr
