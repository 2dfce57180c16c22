"""No secret byte is in a text, a repr, a log line or a record, whatever goes wrong."""

import base64
import logging
import traceback

import pytest

from clusterstate.api.spec import MirrorSpec, NameRule
from clusterstate.errors import KubeRefused
from clusterstate.kube import kinds
from clusterstate.kube.client import connect
from clusterstate.mirror.manifest import make_secret
from clusterstate.mirror.objects import Mirror, Mirrors, SecretType
from clusterstate.mirror.record import reduce
from clusterstate.mirror.shapes import MAX_SECRET, make_mirrors
from clusterstate.mirror.sync import sync
from clusterstate.reasons import Reason
from clusterstate.state.objects import KeysetItem, StoredSecret
from tests.mirror.making import EVERYTHING, OWNER, key_pair, keyset, pair, state
from tests.mirror.scene import Scene

CANARY = b"canary-in-the-coal-mine-7391"
SPELLINGS = [CANARY.decode(), *(base64.b64encode(b"x" * n + CANARY)[n + 2 : -4].decode() for n in range(3))]
CERTIFICATE, _ = key_pair(1, ca=False)
BROKEN = keyset("kubelet", KeysetItem("1", b"-----BEGIN CERTIFICATE-----\n" + CANARY, CANARY))
SOUND = keyset("kubelet-api", KeysetItem("1", CERTIFICATE, CANARY))


def assert_silent(*things: object) -> None:
    for thing in things:
        for spelling in SPELLINGS:
            assert spelling not in str(thing)
            assert spelling not in repr(thing)


def test_the_spellings_are_found_wherever_the_canary_stands() -> None:
    for before in range(6):
        text = base64.b64encode(b"y" * before + CANARY + b"z" * 7).decode()
        assert any(spelling in text for spelling in SPELLINGS)


def test_mirrors_and_records_show_nothing() -> None:
    spec = MirrorSpec(keysets=(pair("*"),), secrets=NameRule(include=("*",)))
    huge = StoredSecret("huge", CANARY * (MAX_SECRET // len(CANARY) + 1))
    things = state(BROKEN, SOUND, huge, StoredSecret("dockerconfig", CANARY), StoredSecret("x", CANARY))
    mirrors = make_mirrors(spec, things, OWNER)
    assert {p.reason for p in mirrors.problems} == {Reason.MALFORMED_KEYSET, Reason.MIRROR_REFUSED}
    assert sum(CANARY in data for mirror in mirrors.wanted for data in mirror.data.values()) == 3
    assert_silent(mirrors, *mirrors.problems)
    for mirror in mirrors.wanted:
        secret = make_secret(OWNER, mirror)
        secret["metadata"] |= {"uid": "1", "resourceVersion": "1"}
        assert_silent(mirror, reduce(secret))


@pytest.mark.apiserver
async def test_a_sync_says_nothing_whatever_goes_wrong(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    things = state(SOUND, StoredSecret("one", CANARY), StoredSecret("dockerconfig", b'{"a": "' + CANARY + b'"}'))
    spec = MirrorSpec(keysets=(pair("*"),), secrets=EVERYTHING.secrets)
    scene.create("prod-secret-one", data={"theirs": base64.b64encode(CANARY).decode()})
    outcomes = [await scene.sync(things, each) for each in (spec, MirrorSpec(secrets=spec.secrets, labels={"!": "x"}))]
    no_json = Mirror("no-json", "secret/x", SecretType.DOCKER_CONFIG, {".dockerconfigjson": CANARY}, {}, {})
    no_key = Mirror("no-key", "secret/y", SecretType.OPAQUE, {"no key!": CANARY}, {}, {})
    outcomes.append(await sync(scene.client, Mirrors(scene.owner, (no_json, no_key)), {}))
    token = scene.plane.service_account_token(scene.namespace, "nobody")
    async with await connect(scene.plane.kubeconfig_for(token)) as scene.client:
        outcomes.append(await scene.sync(things, spec, present={}))
    reasons = {problem.reason for outcome in outcomes for problem in outcome.problems}
    assert reasons == {Reason.MIRROR_CONFLICT, Reason.KUBE_REFUSED, Reason.KUBE_FORBIDDEN}
    assert_silent(*outcomes, *scene.present().values(), caplog.text)


@pytest.mark.apiserver
async def test_an_error_of_a_write_says_nothing(scene: Scene) -> None:
    mirror = Mirror("no-key", "secret/y", SecretType.OPAQUE, {"no key!": CANARY}, {}, {})
    secret = make_secret(scene.owner, mirror)
    with pytest.raises(KubeRefused, match="no-key") as caught:
        await scene.client.create(kinds.SECRETS, secret)
    assert_silent("".join(traceback.format_exception(caught.value)))
