"""What a tenant may try who may write ClusterStates and Secrets in one namespace, and files below one prefix.

In texts BUCKET is the bucket that all tenants share, TENANT and VICTIM are namespaces, ENDLESS and TURNING are servers,
and ITSELF is the object's name.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.store.backends.gcs.test_keyfile import FEDERATION, KEY

NAMELESS = ("file:", "memfs:", "k8s:")
"""Stores that take no credentials Secret."""
DEEP = 5_000
"""Levels of nesting."""
CONFIG = """apiVersion: kops.k8s.io/v1alpha2
kind: Cluster
metadata: {name: prod.example.com}
spec:
  authorization: {rbac: {}}
  kubernetesVersion: v1.32.10
"""
LAUGHS = "".join(
    [f"a0: &a0 {['lol'] * 10}\n", *(f"a{n}: &a{n} {json.dumps([f'*a{n - 1}'] * 10)}\n" for n in range(1, 10))]
).replace('"', "")


@dataclass(frozen=True)
class Trick:
    """One object, and what comes of it."""

    reason: str
    """Of `Ready`, which is False."""
    words: str
    """Of its message."""
    url: str = "s3://BUCKET/team-a"
    store: Mapping[str, Any] = field(default_factory=dict)
    """More of `spec.store`."""
    spec: Mapping[str, Any] = field(default_factory=dict)
    secret: Mapping[str, str] | None = None
    """A Secret of its own, with its name."""
    named: str | None = "store"
    """The credentials Secret that it names; `store` opens the whole bucket."""
    config: str = ""
    """What lies at its place in the bucket; GIANT: 100 MiB, KOPS: a whole state."""


def elsewhere(url: str, reason: str = "StoreNotAllowed", words: str = "the operator's policy") -> Trick:
    return Trick(reason, words, url, named=None if url.startswith(NAMELESS) else "store")


def led(field_name: str, url: str, reason: str = "StoreNotAllowed") -> Trick:
    """Give a state whose `config` leads elsewhere."""
    return Trick(reason, "config ", config=f"{CONFIG}  {field_name}: {url}\n")


def sent(endpoint: str, words: str) -> Trick:
    return Trick("EndpointRefused", words, store={"endpoint": endpoint})


def holding(words: str, **secret: str) -> Trick:
    return Trick("CredentialsInvalid", words, secret=secret, named="ITSELF")


def google(words: str, document: Any) -> Trick:
    text = document if isinstance(document, str) else json.dumps(document)
    return Trick(
        "CredentialsInvalid", words, "gs://acme", secret={"GOOGLE_APPLICATION_CREDENTIALS": text}, named="ITSELF"
    )


def sourced(by: str) -> Trick:
    return google(f"credential_source by {by}", {**FEDERATION, "credential_source": {by: "/canary"}})


def kubeconfig(words: str, text: str) -> Trick:
    store = {"k8s": {"kubeconfigSecretRef": {"name": "ITSELF"}}}
    return Trick("CredentialsInvalid", words, "k8s:///states", store=store, secret={"kubeconfig": text}, named=None)


KEYS = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "word"}
EXEC = {
    "current-context": "a",
    "contexts": [{"name": "a", "context": {"cluster": "a", "user": "a"}}],
    "clusters": [{"name": "a", "cluster": {"server": "https://192.0.2.1"}}],
    "users": [{"name": "a", "user": {"exec": {"command": "canary"}}}],
}

TRICKS: dict[str, Trick] = {
    # Somebody else's place
    "prefix": elsewhere("s3://BUCKET/team-b"),
    "prefix-dots": elsewhere("s3://BUCKET/team-a/../team-b", "SpecInvalid", "'.' or '..'"),
    "prefix-escaped": elsewhere("s3://BUCKET/team-a/%2e%2e/team-b", "SpecInvalid", "'.' or '..'"),
    "prefix-escaped-slash": elsewhere("s3://BUCKET/team-a%2F..%2Fteam-b", "SpecInvalid", "'.' or '..'"),
    "prefix-longer": elsewhere("s3://BUCKET/team-ab/"),
    "prefix-case": elsewhere("s3://BUCKET/Team-A"),
    "prefix-slashes": elsewhere("s3://BUCKET//team-b//"),
    "prefix-none": Trick("StoreNotAllowed", "BUCKET/team-b", "s3://BUCKET", spec={"clusterName": "team-b"}),
    "flavour": elsewhere("do://BUCKET/team-a"),
    "disk": elsewhere("file:///etc"),
    "memory": elsewhere("memfs://team-b"),
    "namespace": elsewhere("k8s:///VICTIM"),
    "namespace-escaped": elsewhere("k8s:///TENANT%2F..%2FVICTIM", "SpecInvalid", "'.' or '..'"),
    "config-base": led("configBase", "s3://BUCKET/team-b/prod.example.com"),
    "config-keys": led("keyStore", "s3://BUCKET/team-b/prod.example.com/pki"),
    "config-secrets": led("secretStore", "s3://BUCKET/team-ab"),
    "config-dots": led("keyStore", "s3://BUCKET/team-a/%2e%2e/team-b", "MalformedFile"),
    "config-disk": led("keyStore", "file:///etc", "MalformedFile"),
    "config-memory": led("configBase", "memfs://team-b", "MalformedFile"),
    "declared-keys": Trick(
        "StoreNotAllowed",
        "config places a part of the state",
        config="KOPS",
        spec={"cluster": {"keyStore": "s3://BUCKET/team-b/prod.example.com/pki"}},
    ),
    # The operator's own network
    "metadata": sent("http://169.254.169.254", "link-local"),
    "metadata-v6": sent("http://[fd00:ec2::254]", "metadata service"),
    "metadata-mapped": sent("http://[::ffff:169.254.169.254]", "link-local"),
    "metadata-name": sent("http://Metadata.Google.Internal.", "metadata service"),
    "loopback": sent("http://127.0.0.2:8080", "loopback"),
    "loopback-v6": sent("http://[::1]:8080", "loopback"),
    "loopback-number": sent("http://2130706434", "loopback"),
    "loopback-name": sent("http://127.2", "loopback"),
    "loopback-octal": sent("http://0177.0.0.2", "loopback"),
    "unspecified": sent("http://0.0.0.0", "unspecified"),
    "proxy": Trick("EndpointRefused", "loopback", store={"proxy": "http://127.0.0.2:3128"}),
    "proxy-secret": Trick(
        "EndpointRefused",
        "link-local",
        secret={**KEYS, "HTTPS_PROXY": "http://me:word@169.254.169.254:80"},
        named="ITSELF",
    ),
    "redirect": Trick("StoreRefused", "", store={"endpoint": "TURNING"}),
    # Somebody else's rights
    "ambient": Trick("AmbientCredentialsRefused", "may not be used", named=None),
    "ambient-config": Trick(
        "MalformedFile",
        "may only use this bucket",
        "s3://BUCKET/ambient",
        named=None,
        config=f"{CONFIG}  keyStore: s3://other/pki\n",
    ),
    "ambient-config-prefix": Trick(
        "StoreNotAllowed",
        "config places",
        "s3://BUCKET/ambient",
        named=None,
        config=f"{CONFIG}  keyStore: s3://BUCKET/team-b/pki\n",
    ),
    "secret-of-others": Trick(
        "CredentialsNotFound",
        "Secret TENANT/victims",
        named="victims",
    ),
    "profile": holding("AWS_PROFILE", AWS_PROFILE="default"),
    "process": holding("AWS_CONFIG_FILE", AWS_CONFIG_FILE="[default]\ncredential_process = canary"),
    "token-file": holding("AWS_WEB_IDENTITY_TOKEN_FILE", AWS_WEB_IDENTITY_TOKEN_FILE="/canary"),
    "container": holding("AWS_CONTAINER_CREDENTIALS_FULL_URI", AWS_CONTAINER_CREDENTIALS_FULL_URI="http://127.0.0.2"),
    "source-file": sourced("file"),
    "source-url": sourced("url"),
    "source-executable": sourced("executable"),
    "token-url": google("token", {**KEY, "token_uri": "http://169.254.169.254/token"}),
    "exec": kubeconfig("exec of user is refused", json.dumps(EXEC)),
    # The operator's memory and time
    "key-deep": google("", "[" * DEEP + "]" * DEEP),
    "kubeconfig-deep": kubeconfig("", "[" * DEEP + "]" * DEEP),
    "kubeconfig-laughs": kubeconfig("", LAUGHS),
    "config-deep": Trick("MalformedFile", "config", config="a: " + "[" * DEEP + "]" * DEEP),
    "config-laughs": Trick("MalformedFile", "config", config=LAUGHS),
    "giant": Trick("MalformedFile", "104857600 bytes, more than", config="GIANT"),
    "million": Trick("StateTooLarge", "more than 100000 files", store={"endpoint": "ENDLESS"}),
}

REFUSED_AT_ONCE: dict[str, dict[str, Any]] = {
    "a Secret of another namespace": {"store": {"credentialsSecretRef": {"name": "victim/store"}}},
    "a Secret by a path": {"store": {"credentialsSecretRef": {"name": "../../victim/secrets/store"}}},
    "credentials in the URL": {"store": {"url": "s3://key:word@acme"}},
    "an endpoint for the operator's own credentials": {
        "store": {"url": "s3://acme", "endpoint": "https://canary.example"},
    },
    "a proxy for the operator's own credentials": {"store": {"url": "s3://acme", "proxy": "https://canary.example"}},
    "a bundle for the operator's own credentials": {"store": {"url": "s3://acme", "caBundleRef": {"name": "canary"}}},
    "a cluster's name that climbs": {"clusterName": "../team-b"},
    "a mirror's name that climbs": {"mirror": {"nameTemplate": "../{name}"}},
    "a mirror's label of the operator's": {"mirror": {"labels": {"clusterstate.dev/owner-uid": "canary"}}},
    "a file over the configuration": {"files": [{"path": "config", "content": "canary"}]},
    "a file that climbs": {"files": [{"path": "addons/../../team-b/config", "content": "canary"}]},
}
"""What the API server itself doesn't take: parts of a spec."""
