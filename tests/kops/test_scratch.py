import difflib
import time

import pytest

from tests.support.kops import Kops
from tests.support.world import COMPLEX, MINIMAL, World, manifest

pytestmark = [pytest.mark.kops, pytest.mark.apiserver, pytest.mark.objectstore]


def diff(a, b):
    for k in sorted({*a, *b}):
        if a.get(k) != b.get(k):
            print("DIFF", k)
            print(
                "\n".join(
                    difflib.unified_diff(
                        a.get(k, b"").decode().splitlines(), b.get(k, b"").decode().splitlines(), n=1, lineterm=""
                    )
                )
            )


def test_a(world: World, kops: Kops):
    world.load_store()
    world.load_store(MINIMAL)
    world.apply(
        manifest(
            url=world.url,
            cluster={
                "kubernetesVersion": "v1.32.10",
                "cloudLabels": {"team": "x"},
                "kubeControllerManager": {"nodeMonitorGracePeriod": "60s"},
            },
            instanceGroups=[
                {
                    "name": "batch",
                    "labels": {"a/b": "c"},
                    "spec": {
                        "role": "Node",
                        "machineType": "m6i.large",
                        "minSize": 0,
                        "maxSize": 10,
                        "subnets": ["us-east-1a"],
                    },
                }
            ],
        )
    )
    t = time.time()
    world.start_operator()
    world.settled()
    print("settled", time.time() - t)
    a = world.files()
    for c in (
        ["get", "clusters"],
        ["get", "ig", "--name", COMPLEX],
        ["get", "keypairs", "--name", COMPLEX],
        ["get", "secrets", "--name", COMPLEX],
        ["get", "sshpublickeys", "--name", COMPLEX],
        ["get", "all", "--name", COMPLEX, "-o", "yaml"],
    ):
        t = time.time()
        r = kops.run(*c, check=False)
        print(c, time.time() - t)
        print(r.stdout[:3000], r.stderr)
    m = kops.home / "m.yaml"
    m.write_text(r.stdout)
    t = time.time()
    r = kops.run("replace", "-f", m)
    print("replace", time.time() - t, r.stdout, r.stderr)
    b = world.files()
    diff(a, b)
    print({k: len(v) for k, v in b.items()})
    world.stop_operator()
    other = Kops(kops.program, world.server.create_bucket(kops.bucket + "b"), kops.s3, kops.aws, kops.home)
    r = other.run("create", "-f", m, check=False)
    print(r.stdout, r.stderr)
    for o in world.s3.list_objects_v2(Bucket=other.bucket).get("Contents", ()):
        print(o["Key"])
    print(world.s3.get_object(Bucket=other.bucket, Key=COMPLEX + "/config")["Body"].read().decode()[:400])
    print(world.s3.get_object(Bucket=other.bucket, Key=COMPLEX + "/instancegroup/batch")["Body"].read().decode())
    for c in (
        ["create", "keypair", "kubernetes-ca", "--name", COMPLEX],
        ["promote", "keypair", "kubernetes-ca", "--name", COMPLEX],
        ["get", "keypairs", "--name", COMPLEX, "--distrusted"],
        ["get", "keypairs", "--name", COMPLEX, "--distrusted", "-o", "yaml"],
        ["get", "secrets", "--name", COMPLEX, "-o", "json"],
    ):
        r = kops.run(*c, check=False)
        print(c, r.stdout[:3000], r.stderr)
    assert 0
