"""Rules: the last match decides, and private keys that make credentials are never chosen by a glob."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clusterstate.api.spec import KeysetParts, KeysetRule, MirrorSpec, NameRule
from clusterstate.mirror.rules import choose_parts, is_chosen, is_guarded
from clusterstate.mirror.shapes import make_mirrors
from clusterstate.state.objects import KeysetItem
from tests.mirror.making import OWNER, item, keyset, pair, state, trust

VERSION_1 = b"""\
-----BEGIN CERTIFICATE-----
MIIBFTCBvQIUFQ418uebIMplMNXOIW8lB/m1DHcwCgYIKoZIzj0EAwIwDTELMAkG
A1UEAwwCdjEwIBcNMjYxMTIzMTYzNjEyWhgPMjEyNjEwMzAxNjM2MTJaMA0xCzAJ
BgNVBAMMAnYxMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEH01P1fmHAw5jlRjk
DkXGjOPQw0imawFw/lxyNeaDWcYF8TOxzlz2e+3vGnWreY2lhiRuliEPIMhoFnJf
oZTRAjAKBggqhkjOPQQDAgNHADBEAiBRHP6bXZA550J9ZUUo+nGs/NkpfP7LQJKv
hchNxge19AIgWhrclqT/NmMmwC1MFF6zTbf3aB3tSVHXdFKF0nvVB9k=
-----END CERTIFICATE-----
"""
"""A certificate of X.509 version 1, which can't say that it is no CA: `openssl x509 -req -signkey` made it."""

TRUST, KEY_PAIR = KeysetParts.TRUST, KeysetParts.KEY_PAIR


@pytest.mark.parametrize(
    ("include", "exclude", "name", "chosen"),
    [
        (("*",), (), "kubelet", True),
        ((), (), "kubelet", False),
        (("kube*",), ("kubelet",), "kubelet", False),
        (("kube*",), ("kubelet",), "kubecfg", True),
        (("Kube*",), (), "kubelet", False),
        (("kube?et",), (), "kubelet", True),
        (("kube?t",), (), "kubelet", False),
        (("kube[!l]*",), (), "kubelet", False),
        (("kube[a-l]*",), (), "kubelet", True),
        (("apiserver", "kubelet"), (), "kubelet", True),
        (("kubelet",), (), "kubelet-api", False),
    ],
)
def test_a_rule_matches_when_include_does_and_exclude_does_not(
    include: tuple[str, ...], exclude: tuple[str, ...], name: str, *, chosen: bool
) -> None:
    assert is_chosen(name, NameRule(include=include, exclude=exclude)) is chosen


@pytest.mark.parametrize(
    ("rules", "parts"),
    [
        ((), None),
        ((trust("*"),), TRUST),
        ((trust("*"), pair("kubelet-api")), KEY_PAIR),
        ((pair("kubelet-api"), trust("*")), TRUST),
        ((pair("kubelet-api"), trust("*", exclude=("kubelet-*",))), KEY_PAIR),
        ((trust("apiserver"), pair("other")), None),
        ((pair("kubelet-*"),), KEY_PAIR),
    ],
)
def test_the_last_rule_that_matches_decides(rules: tuple[KeysetRule, ...], parts: KeysetParts | None) -> None:
    assert choose_parts(keyset("kubelet-api"), rules) == parts


@pytest.mark.parametrize(
    "name",
    ["ca", "kubernetes-ca", "etcd-manager-ca-main", "etcd-clients-ca-cilium", "service-account", "master", "My-CA"],
)
def test_names_of_cas_and_of_service_accounts_are_guarded(name: str) -> None:
    assert is_guarded(keyset(name))


@pytest.mark.parametrize("name", ["kubelet-api", "kube-proxy", "calico-client", "apiserver-cache", "cadvisor"])
def test_other_names_are_not(name: str) -> None:
    assert not is_guarded(keyset(name))


@pytest.mark.parametrize(
    "suspicious",
    [
        item(2, ca=True),
        item(2, ca=True, trusted=False),
        KeysetItem("2", b"no certificate", b"key"),
        KeysetItem("2", VERSION_1, b"key"),
    ],
    ids=["a CA", "a distrusted CA", "unreadable", "version 1"],
)
def test_a_keyset_with_a_certificate_that_may_sign_is_guarded(suspicious: KeysetItem) -> None:
    assert is_guarded(keyset("plain", suspicious, item(3)))


@pytest.mark.parametrize("name", ["kubernetes-ca", "service-account"])
def test_a_guarded_key_pair_needs_the_exact_name(name: str) -> None:
    guarded = keyset(name)
    assert choose_parts(guarded, (pair("*"),)) == TRUST
    assert choose_parts(guarded, (pair("*", name),)) == KEY_PAIR
    assert choose_parts(guarded, (pair(f"[{name[0]}]{name[1:]}"),)) == TRUST
    assert choose_parts(guarded, (pair(name), pair("*"))) == TRUST


def test_a_glob_is_no_exact_name_even_of_itself() -> None:
    assert choose_parts(keyset("*", item(1, ca=True)), (pair("*"),)) == TRUST


NAMES = st.sampled_from(
    ["ca", "kubernetes-ca", "etcd-ca-x", "service-account", "master", "plain", "*", "k*", "[p]lain"]
)
GLOBS = st.lists(st.sampled_from(["*", "?*", "*ca*", "k*", "[!x]*", "service-accoun?", "ca", "plain", "kubernetes-ca"]))
RULES = st.lists(
    st.builds(
        lambda include, exclude, parts: KeysetRule(include=tuple(include), exclude=tuple(exclude), parts=parts),
        GLOBS,
        GLOBS,
        st.sampled_from(list(KeysetParts)),
    )
)


@given(names=st.sets(NAMES), rules=RULES, ca=st.booleans())
def test_no_guarded_private_key_leaves_by_a_glob(names: set[str], rules: list[KeysetRule], *, ca: bool) -> None:
    keysets = [keyset(name, item(1, ca=ca)) for name in names]
    mirrors = make_mirrors(MirrorSpec(keysets=tuple(rules)), state(*keysets), OWNER)
    for mirror in mirrors.wanted:
        name = mirror.source.removeprefix("keyset/")
        if any(b"PRIVATE KEY" in value for value in mirror.data.values()) and is_guarded(keyset(name, item(1, ca=ca))):
            matching = [rule for rule in rules if is_chosen(name, rule)]
            assert matching[-1].parts is KEY_PAIR
            assert name in matching[-1].include
            assert not set(name) & set("*?[")
