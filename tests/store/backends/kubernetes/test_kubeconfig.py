"""What a tenant's kubeconfig may say, and that no message repeats what stands in it."""

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clusterstate.errors import CredentialsInvalid
from clusterstate.store.backends.kubernetes.kubeconfig import Kubeconfig, parse_kubeconfig
from tests.store.backends.kubernetes.stores import kubeconfig

PEM = "-----BEGIN CERTIFICATE-----\nYQ==\n-----END CERTIFICATE-----\n"
DATA = base64.b64encode(PEM.encode()).decode()
TOKEN = {"token": "canary-token"}


def edited(change: Callable[[dict[str, Any]], object]) -> str:
    config = json.loads(kubeconfig("https://example.com:6443", dict(TOKEN)))
    change(config)
    return json.dumps(config)


def test_the_current_context_is_read() -> None:
    text = kubeconfig(
        "https://Example.com:443/k8s/",
        {**TOKEN, "client-certificate-data": DATA, "client-key-data": DATA, "extensions": []},
        **{
            "certificate-authority-data": DATA,
            "certificate-authority": "",
            "tls-server-name": "kubernetes",
            "proxy-url": "http://user:canary@proxy:3128",
            "insecure-skip-tls-verify": False,
            "disable-compression": True,
        },
    )
    found = parse_kubeconfig(text)
    assert found == Kubeconfig(
        server="https://example.com/k8s",
        authority=PEM,
        tls_name="kubernetes",
        proxy="http://user:canary@proxy:3128",
        token="canary-token",
        certificate=PEM,
        key=PEM,
    )
    assert "canary" not in repr(found)


def test_other_entries_do_not_count() -> None:
    def add(config: dict[str, Any]) -> None:
        config["users"].insert(0, {"name": "other", "user": {"exec": {"command": "sh"}}})
        config["contexts"].append({"name": "y", "context": {"cluster": "c", "user": "other"}})

    assert parse_kubeconfig(edited(add)).token == "canary-token"


def test_yaml_is_as_good_as_json_and_every_value_is_text() -> None:
    text = (
        "current-context: 1\ncontexts: [{name: 1, context: {cluster: yes, user: 2026-01-01}}]\n"
        "clusters: [{name: yes, cluster: {server: 10.0.0.1}}]\nusers: [{name: 2026-01-01, user: {token: 0x1F}}]\n"
    )
    found = parse_kubeconfig(text)
    assert (found.server, found.token) == ("https://10.0.0.1", "0x1F")


@pytest.mark.parametrize(
    ("field", "value", "why"),
    [
        ("exec", {"command": "canary"}, "runs a program"),
        ("auth-provider", {"name": "canary"}, "runs a program"),
        ("tokenFile", "/canary", "operator's own disk"),
        ("client-certificate", "/canary", "operator's own disk"),
        ("client-key", "/canary", "operator's own disk"),
        ("as", "canary", "impersonation"),
        ("as-uid", "canary", "impersonation"),
        ("as-groups", ["canary"], "impersonation"),
        ("as-user-extra", {"canary": []}, "impersonation"),
        ("username", "canary", "no passwords"),
        ("password", "canary", "no passwords"),
    ],
)
def test_what_acts_with_the_operator_s_powers_is_refused_by_name(field: str, value: object, why: str) -> None:
    with pytest.raises(CredentialsInvalid, match=f"{field} of user is refused: .*{why}") as caught:
        parse_kubeconfig(kubeconfig("https://example.com", {**TOKEN, field: value}))
    assert "canary" not in caught.value.message


@pytest.mark.parametrize(
    ("field", "value", "why"),
    [
        ("certificate-authority", "/canary", "operator's own disk"),
        ("insecure-skip-tls-verify", True, "anybody could read"),
        ("canary", "x", "a field of cluster"),
    ],
)
def test_what_a_cluster_may_not_say(field: str, value: object, why: str) -> None:
    with pytest.raises(CredentialsInvalid, match=why) as caught:
        parse_kubeconfig(kubeconfig("https://example.com", TOKEN, **{field: value}))
    assert "canary" not in caught.value.message


DAMAGE: dict[str, Callable[[dict[str, Any]], object]] = {
    "current-context": lambda config: config.pop("current-context"),
    "isn't in contexts": lambda config: config.update({"current-context": "canary"}),
    "isn't in users": lambda config: config.update(users=[]),
    "isn't in clusters": lambda config: config.update(clusters="canary"),
    "no cluster is named": lambda config: config["contexts"][0].update(context={"user": "u"}),
    "user isn't a map": lambda config: config["users"][0].update(user="canary"),
    "no credentials": lambda config: config["users"][0].update(user={}),
    "token of user isn't one word": lambda config: config["users"][0]["user"].update(token="canary\r\nHost: x"),
    "token of user isn't text": lambda config: config["users"][0]["user"].update(token=["canary"]),
    "without the other": lambda config: config["users"][0]["user"].update({"client-key-data": DATA}),
    "client-key-data of user isn't PEM": lambda config: config["users"][0]["user"].update(
        {"client-key-data": "canary"}
    ),
    "server of cluster": lambda config: config["clusters"][0]["cluster"].update(server="https://user:canary@x"),
    "server of": lambda config: config["clusters"][0]["cluster"].pop("server"),
    "server of cluster isn't text": lambda config: config["clusters"][0]["cluster"].update(server=["canary"]),
}


@pytest.mark.parametrize("words", DAMAGE)
def test_what_is_incomplete_or_garbled_is_named(words: str) -> None:
    with pytest.raises(CredentialsInvalid, match=words) as caught:
        parse_kubeconfig(edited(DAMAGE[words]))
    assert "canary" not in caught.value.message


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("canary: [", "no YAML"),
        ("- canary", "isn't a map"),
        ("", "isn't a map"),
        ("? {canary: x}\n: y", "no YAML"),
        ("a: &canary x\nb: *canary", "aliases"),
        ("a: " + "[" * 30 + "]" * 30, "levels"),
        ("a: [" + "x," * 25_000 + "]", "more values"),
        ("#" * 70_000, "characters"),
        ("a: \x00canary", "no YAML"),
    ],
)
def test_what_is_no_kubeconfig_at_all(text: str, words: str) -> None:
    with pytest.raises(CredentialsInvalid, match=words) as caught:
        parse_kubeconfig(text)
    assert "canary" not in caught.value.message
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


@given(st.recursive(st.none() | st.booleans() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(
    st.sampled_from(["current-context", "contexts", "clusters", "users", "name", "context", "user"]) | st.text(), inner
)))  # fmt: skip
def test_whatever_stands_there_is_told_without_a_bug(content: object) -> None:
    with pytest.raises(CredentialsInvalid):
        parse_kubeconfig(json.dumps(content))
