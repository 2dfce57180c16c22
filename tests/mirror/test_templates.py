"""Templates: every place where Pods use a mirror counts, and a workload is written to only where that changes it."""

from copy import deepcopy
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from clusterstate.api.annotations import MIRRORS_IN_USE
from clusterstate.mirror.objects import Mirror
from clusterstate.mirror.shapes import make_mirrors
from clusterstate.mirror.templates import digest_of_template, make_roll
from clusterstate.state.objects import StoredSecret
from tests.mirror.making import DIGESTS, EVERYTHING, OWNER, state

NAME = "prod-secret-one"
IMMUTABLE = replace(EVERYTHING, immutable=True)
NO_OTHERS: dict[str, str] = {}
"""Secrets of ours beside what is mirrored."""


def mirror(content: bytes = b"1", spec: Any = EVERYTHING, name: str = "one") -> Mirror:
    (made,) = make_mirrors(spec, state(StoredSecret(name, content)), OWNER, digests=DIGESTS).wanted
    return made


def using(name: str) -> dict[str, dict[str, Any]]:
    """Every way in which a Pod can use a Secret, as a part of its spec."""
    return {
        "volume": {"volumes": [{"name": "x", "emptyDir": {}}, {"name": "s", "secret": {"secretName": name}}]},
        "projected": {
            "volumes": [{"name": "p", "projected": {"sources": [{"configMap": {}}, {"secret": {"name": name}}]}}]
        },
        "variable": {
            "containers": [
                {"env": [{"name": "A", "value": "b"}, {"valueFrom": {"secretKeyRef": {"name": name, "key": "k"}}}]}
            ]
        },
        "variables": {
            "containers": [{"envFrom": [{"configMapRef": {"name": "prod-secret-one"}}, {"secretRef": {"name": name}}]}]
        },
        "init": {"initContainers": [{"envFrom": [{"secretRef": {"name": name}}]}], "containers": [{"image": "a"}]},
        "pull": {"imagePullSecrets": [{"name": "other"}, {"name": name}]},
    }


def workload(spec: dict[str, Any], note: dict[str, str] | str | None = None) -> dict[str, Any]:
    text = note if isinstance(note, str) else msgspec.json.encode(note).decode()
    return {
        "spec": {
            "template": {"metadata": {"annotations": {MIRRORS_IN_USE: text}} if note is not None else {}, "spec": spec}
        }
    }


def note_of(patch: dict[str, Any]) -> dict[str, str]:
    note: dict[str, str] = msgspec.json.decode(patch["spec"]["template"]["metadata"]["annotations"][MIRRORS_IN_USE])
    return note


def carry_out(body: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    body, template = deepcopy(body), patch["spec"]["template"]
    body["spec"]["template"]["metadata"] = template["metadata"]
    body["spec"]["template"]["spec"] |= template["spec"]
    return body


@pytest.mark.parametrize("way", using(""))
def test_every_use_of_a_changed_mirror_rolls_and_no_other(way: str) -> None:
    body = workload(using(NAME)[way])
    roll = make_roll(body, [mirror(), mirror(name="two")], NO_OTHERS)
    assert roll is not None
    assert roll.sources == ("secret/one",)
    assert note_of(roll.patch) == {"secret/one": mirror().digest}
    assert roll.patch["spec"]["template"]["spec"] == {}
    rolled = carry_out(body, roll.patch)
    assert make_roll(rolled, [mirror(), mirror(b"2", name="two")], NO_OTHERS) is None
    assert make_roll(rolled, [mirror(b"2")], NO_OTHERS) is not None
    assert make_roll(workload(using("theirs")[way]), [mirror()], NO_OTHERS) is None


@pytest.mark.parametrize("way", using(""))
def test_a_reference_is_led_to_the_content_of_today(way: str) -> None:
    old, new = mirror(b"1", IMMUTABLE), mirror(b"2", IMMUTABLE)
    for written in (NAME, old.name):
        body = workload(using(written)[way])
        roll = make_roll(body, [new], {old.name: old.source})
        assert roll is not None
        rolled = carry_out(body, roll.patch)
        assert rolled["spec"]["template"]["spec"] == using(new.name)[way]
        assert make_roll(rolled, [new], NO_OTHERS) is None
        back = make_roll(rolled, [mirror(b"2")], NO_OTHERS)
        assert back is not None
        assert carry_out(rolled, back.patch)["spec"]["template"]["spec"] == using(NAME)[way]


@pytest.mark.parametrize("newest", [mirror(b"2"), mirror(b"2", IMMUTABLE)])
def test_a_name_that_anybody_could_have_given_leads_nowhere(newest: Mirror) -> None:
    old = mirror(b"1", IMMUTABLE)
    body = workload(using(old.name)["volume"], {"secret/one": mirror(b"3").digest, "secret/two": old.digest})
    for ours in (NO_OTHERS, {old.name: "secret/two"}, {NAME: "secret/one"}):
        assert make_roll(body, [newest], ours) is None
    assert make_roll(body, [newest], {old.name: "secret/one"}) is not None


def test_a_template_of_an_earlier_rollout_is_led_to_the_content_of_today() -> None:
    old, new = mirror(b"1", IMMUTABLE), mirror(b"2", IMMUTABLE)
    roll = make_roll(workload(using(old.name)["volume"], {"secret/one": old.digest}), [new], NO_OTHERS)
    assert roll is not None
    assert roll.patch["spec"]["template"]["spec"] == using(new.name)["volume"]


def test_a_name_that_only_looks_alike_stays() -> None:
    for name in (f"{NAME}-0123456789", f"{NAME}-two", f"{NAME}-{'g' * 16}"):
        assert make_roll(workload(using(name)["volume"]), [mirror(spec=IMMUTABLE)], NO_OTHERS) is None
    stamped_by_hand = mirror(name=f"one-{'0' * 16}")
    assert make_roll(workload(using(NAME)["volume"]), [stamped_by_hand], NO_OTHERS) is None


def test_what_cannot_be_mirrored_now_is_no_reason_to_roll() -> None:
    spec = {"volumes": [{"secret": {"secretName": name}} for name in (NAME, "prod-secret-two")]}
    noted = {"secret/one": mirror().digest, "secret/two": mirror(name="two").digest}
    assert make_roll(workload(spec, noted), [mirror()], NO_OTHERS) is None
    roll = make_roll(workload(spec, noted), [mirror(b"2")], NO_OTHERS)
    assert roll is not None
    assert note_of(roll.patch) == {**noted, "secret/one": mirror(b"2").digest}


@pytest.mark.parametrize("note", ["", "[]", '{"secret/one":1}', "[" * 100_000])
def test_nonsense_in_the_annotation_is_put_right(note: str) -> None:
    roll = make_roll(workload(using(NAME)["volume"], note), [mirror()], NO_OTHERS)
    assert roll is not None
    assert note_of(roll.patch) == {"secret/one": mirror().digest}


def test_a_digest_tells_of_the_template_alone() -> None:
    body = workload(using(NAME)["volume"])
    scaled = {"spec": {**body["spec"], "replicas": 3}}
    assert digest_of_template(scaled) == digest_of_template(body) != digest_of_template(workload({}))
