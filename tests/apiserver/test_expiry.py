"""A certificate that ends is told once for each threshold, over restarts too, and measured as long as it is there."""

import base64
import re
import secrets
import urllib.request
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from tests.handlers.test_metrics import read
from tests.support.keypairs import certificate
from tests.support.operating import Body, conditions
from tests.support.world import COMPLEX, World, manifest

pytestmark = [pytest.mark.apiserver, pytest.mark.objectstore]

SOON = timedelta(seconds=6)
"""Until a certificate ends: more than a run takes that notices it before."""
DAY = timedelta(days=1)


def give_end(world: World, name: str, ends: datetime) -> None:
    """Have the certificates of a keyset end at a time."""
    pem = certificate(ec.generate_private_key(ec.SECP256R1()), ends=ends)

    def change(keyset: Body) -> None:
        for key in keyset["spec"]["keys"]:
            key["publicMaterial"] = base64.b64encode(pem).decode()

    world.edit(f"{COMPLEX}/pki/private/{name}/keyset.yaml", change)


def look(world: World) -> Body:
    """Have a run look at everything, and wait for its end."""
    token = secrets.token_hex(4)
    world.kubectl("annotate", "--overwrite", "clusterstate/state", f"clusterstate.dev/reconcile-requested-at={token}")
    body: Body = world.until(
        lambda: (it := world.state()).get("status", {}).get("lastHandledReconcileAt") == token and it
    )
    return body


def told(world: World) -> list[tuple[str, str]]:
    """Give reason and keyset of what was told of certificates."""
    found = [each for each in world.events() if each["reason"].startswith("CertificateExpire")]
    assert all(each["count"] == 1 for each in found)
    return sorted((each["reason"], each["message"].split()[1].rstrip(":")) for each in found)


def scrape(world: World) -> dict[str, float]:
    """Give the ends of certificates by keyset, as Prometheus would read them from the newest operator."""
    address = world.until(lambda: re.findall(r"metrics are at (\S+)", world.log.read_text())[world.starts - 1 :])[-1]
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=30) as answer:
        series = read(answer.read())
    assert all(labels[:2] == (world.namespace, "state") for labels in series)
    return {labels[2]: value for labels, value in series.items()}


def phases(body: Body) -> dict[str, Any]:
    return {row["keyset"]: row["phase"] for row in body["status"]["certificates"]}


def test_each_threshold_is_told_once_and_at_its_time(world: World) -> None:
    world.environ["CLUSTERSTATE_METRICS_ADDRESS"] = "127.0.0.1:0"
    world.load_store()
    now = datetime.now(UTC)
    give_end(world, "apiserver-aggregator-ca", now + 5 * DAY)
    give_end(world, "service-account", now - DAY)
    world.apply(manifest(url=world.url))
    first = [("CertificateExpired", "service-account"), ("CertificateExpires", "apiserver-aggregator-ca")]
    with world.running():
        body = world.settled(condition="CertificatesValid", status="False", reason="CertificateExpired")
        assert conditions(body)["Ready"]["status"] == "True"
        assert "service-account expired" in body["status"]["summary"]
        assert told(world) == first
        ends = world.until(lambda: len(it := scrape(world)) == 4 and it)
        assert ends["apiserver-aggregator-ca"] == int((now + 5 * DAY).timestamp())
    with world.running():
        assert phases(look(world))["apiserver-aggregator-ca"] == "LastWeek"
        world.until(lambda: scrape(world) == ends)
        assert told(world) == first
        give_end(world, "kubernetes-ca", datetime.now(UTC) + SOON)
        assert phases(look(world))["kubernetes-ca"] in {"LastDay", "Expired"}
        last = world.until(lambda: phases(it := world.state())["kubernetes-ca"] == "Expired" and it)
        assert conditions(last)["CertificatesValid"]["message"].startswith("service-account expired")
        world.until(lambda: ("CertificateExpired", "kubernetes-ca") in told(world))
        look(world)
        assert set(told(world)) - {("CertificateExpires", "kubernetes-ca")} == {
            *first,
            ("CertificateExpired", "kubernetes-ca"),
        }
        assert len(told(world)) == len(set(told(world)))
        world.s3.delete_object(Bucket=world.bucket, Key=f"{COMPLEX}/pki/private/service-account/keyset.yaml")
        look(world)
        world.until(lambda: scrape(world).keys() == ends.keys() - {"service-account"})
        world.kubectl("delete", "clusterstate", "state")
        world.until(lambda: not scrape(world))
