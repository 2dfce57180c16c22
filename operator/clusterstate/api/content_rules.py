"""The rules of `spec.sshPublicKeys`, `spec.files` and `spec.afterPush`: what depends on more than one field."""

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Final

from clusterstate.api.contents import Value
from clusterstate.api.durations import parse_duration
from clusterstate.api.keysets import SIZES, Generate, Keyset
from clusterstate.api.rule import Rule
from clusterstate.api.sync import Direction
from clusterstate.api.types import ClusterState


def _one_source(values: Iterable[Value | None]) -> bool:
    given = (each for each in values if each is not None)
    return all((each.secret_key_ref is None) != (each.config_map_key_ref is None) for each in given)


def _one_origin(keyset: Keyset) -> bool:
    if keyset.tls_secret_ref is not None:
        return keyset.generate is None
    return keyset.generate is not None or keyset.rotation is not None


def _fits(generate: Generate) -> bool:
    return generate.size is None or generate.size in SIZES[generate.algorithm]


def _lasts(generate: Generate) -> bool:
    validity = parse_duration(generate.validity)
    early = parse_duration(generate.renew_before) if generate.renew_before else timedelta()
    return validity >= timedelta(hours=1) and early < validity


def _value_rule(path: str, values: Callable[[ClusterState], Iterable[Value | None]]) -> Rule:
    return Rule(
        path=path,
        cel="has(self.secretKeyRef) != has(self.configMapKeyRef)",
        message=f"{path.replace('[]', '')} needs either secretKeyRef or configMapKeyRef. Give one of them.",
        holds=lambda state: _one_source(values(state)),
    )


CONTENT_RULES: Final = (
    Rule(
        path="spec.sshPublicKeys[]",
        cel="has(self.value) != has(self.valueFrom)",
        message="spec.sshPublicKeys needs either value or valueFrom. Give one of them.",
        holds=lambda state: all(bool(key.value) != bool(key.value_from) for key in state.spec.ssh_public_keys),
    ),
    _value_rule("spec.sshPublicKeys[].valueFrom", lambda state: (key.value_from for key in state.spec.ssh_public_keys)),
    Rule(
        path="spec.keysets[]",
        cel="has(self.tlsSecretRef) ? !has(self.generate) : has(self.generate) || has(self.rotation)",
        message="spec.keysets needs tlsSecretRef or generate, not both, or rotation alone. Correct it.",
        holds=lambda state: all(map(_one_origin, state.spec.keysets)),
    ),
    Rule(
        path="spec.keysets[].generate",
        cel="!has(self.size) || self.size in (self.algorithm == 'RSA' ? [2048, 3072, 4096] : [256, 384, 521])",
        field_path=".size",
        message="spec.keysets.generate.size is 2048, 3072 or 4096 for RSA, and 256, 384 or 521 for ECDSA. Correct it.",
        holds=lambda state: all(each.generate is None or _fits(each.generate) for each in state.spec.keysets),
    ),
    Rule(
        path="spec.keysets[].generate",
        cel=(
            "duration(self.validity) >= duration('1h')"
            " && (!has(self.renewBefore) || duration(self.renewBefore) < duration(self.validity))"
        ),
        field_path=".validity",
        message="spec.keysets.generate.validity must be at least 1h and more than renewBefore. Correct it.",
        holds=lambda state: all(each.generate is None or _lasts(each.generate) for each in state.spec.keysets),
    ),
    Rule(
        path="spec.files[]",
        cel="has(self.content) != has(self.contentFrom)",
        message="spec.files needs either content or contentFrom. Give one of them.",
        holds=lambda state: all((file.content is None) != (file.content_from is None) for file in state.spec.files),
    ),
    _value_rule("spec.files[].contentFrom", lambda state: (file.content_from for file in state.spec.files)),
    Rule(
        path="",
        cel="!has(self.spec.afterPush) || self.spec.sync.direction != 'Pull'",
        field_path=".spec.afterPush",
        message="spec.afterPush follows a push, but spec.sync.direction is Pull. Remove it, or push.",
        holds=lambda state: state.spec.after_push is None or state.spec.sync.direction is not Direction.PULL,
    ),
)
