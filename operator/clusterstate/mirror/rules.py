"""Rules: which keysets, secrets and SSH keys are mirrored, and whether a private key may come along.

Globs are those of `fnmatch.fnmatchcase`: `*`, `?`, `[seq]`, `[!seq]`, case counts.
"""

import re
from collections.abc import Collection, Iterable
from fnmatch import fnmatchcase

from cryptography import x509

from clusterstate.api.spec import KeysetParts, KeysetRule, MirrorSpec, NameRule
from clusterstate.state.keyset import ODD_CERTIFICATE
from clusterstate.state.layout import LEGACY_KEYSETS, names_authority
from clusterstate.state.objects import Keyset, KeysetItem

_SERVICE_ACCOUNT = "service-account"
SERVICE_ACCOUNTS = frozenset({_SERVICE_ACCOUNT, LEGACY_KEYSETS[_SERVICE_ACCOUNT]})
"""Keysets that sign service account tokens, by their name of today and by that in old stores."""


KINDS = frozenset({"keyset", "secret", "ssh"})
"""What the source of a mirror begins with."""


def is_chosen(name: str, rule: NameRule) -> bool:
    """Whether a glob of `include` matches and none of `exclude` does."""
    return _matches(name, rule.include) and not _matches(name, rule.exclude)


def is_asked_for(spec: MirrorSpec, kind: str, name: str) -> bool:
    """Whether a rule chooses that `keyset`, `secret` or `ssh`, were it in the store; of another kind there is none."""
    chosen_by = {"keyset": spec.keysets, "secret": (spec.secrets,), "ssh": (spec.ssh_public_keys,)}
    return any(rule is not None and is_chosen(name, rule) for rule in chosen_by.get(kind, ()))


def is_source(text: str) -> bool:
    """Whether a text names something that could be mirrored."""
    kind, _, name = text.partition("/")
    return kind in KINDS and bool(name)


def is_named_exactly(name: str, include: Collection[str]) -> bool:
    """Whether `include` holds the name itself, not a glob that matches it (a glob may match its own text)."""
    return name in include and not re.search(r"[*?\[]", name)


def choose_parts(keyset: Keyset, rules: Iterable[KeysetRule]) -> KeysetParts | None:
    """Give what of a keyset is mirrored, None for nothing: the last rule that matches its name decides.

    Where that rule asks for the key pair of a guarded keyset by a glob only, the answer is `Trust`: people who
    write `*` want every certificate, and the key of a CA leaves the store only when it was named.
    """
    matching = [rule for rule in rules if is_chosen(keyset.name, rule)]
    if not matching:
        return None
    rule = matching[-1]
    if rule.parts is KeysetParts.KEY_PAIR and is_guarded(keyset) and not is_named_exactly(keyset.name, rule.include):
        return KeysetParts.TRUST
    return rule.parts


def is_guarded(keyset: Keyset) -> bool:
    """Whether the private key can make credentials: that of a CA, or of service accounts.

    A keyset that isn't named as one is a CA's if a certificate of it may sign others, or can't be read.
    """
    if keyset.name in SERVICE_ACCOUNTS or names_authority(keyset.name):
        return True
    return any(_may_sign(item) for item in keyset.items)


def _matches(name: str, globs: Iterable[str]) -> bool:
    return any(fnmatchcase(name, glob) for glob in globs)


def _may_sign(item: KeysetItem) -> bool:
    if item.certificate is None:
        return False
    try:
        return any(_is_ca(each) for each in x509.load_pem_x509_certificates(item.certificate))
    except ODD_CERTIFICATE:
        return True


def _is_ca(certificate: x509.Certificate) -> bool:
    """Whether it may sign others; version 1 has no field that could forbid it."""
    if certificate.version is x509.Version.v1:
        return True
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False
