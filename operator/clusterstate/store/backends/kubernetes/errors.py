"""Errors of the Kubernetes API -> ours, by table."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Final

from clusterstate.errors import (
    AccessDenied,
    AuthenticationFailed,
    IntegrityFailed,
    KeyNotFound,
    KubeError,
    KubeForbidden,
    KubeRefused,
    LostRace,
    ObjectChanged,
    ObjectExists,
    ObjectNotFound,
    StoreError,
    StoreRefused,
    StoreUnavailable,
)
from clusterstate.kube.failures import Damaged, Unauthorized
from clusterstate.store.failures import Request, judge_connection, make_error
from clusterstate.store.texts import quote_foreign

_KINDS: Final[tuple[tuple[type[KubeError], type[StoreError]], ...]] = (
    (Unauthorized, AuthenticationFailed),
    (KubeForbidden, AccessDenied),
    (ObjectNotFound, KeyNotFound),
    (ObjectExists, LostRace),
    (ObjectChanged, LostRace),
    (KubeRefused, StoreRefused),
    (Damaged, IntegrityFailed),
    (KubeError, StoreUnavailable),
)
"""The first match counts."""
_PROXY: Final = "the kubeconfig as proxy-url"
_NO_MATTER_OF_RIGHTS: Final = (
    "It isn't for lack of rights: a quota or an admission policy forbids it, or the namespace is being deleted."
)
_USER: Final = re.compile(r'User "([^"]*)" cannot')


@contextmanager
def translating(request: Request) -> Iterator[None]:
    """Let no `KubeError` out: each becomes a `StoreError`."""
    try:
        yield
    except KubeError as error:
        raise _translate(error, request) from None


def _translate(error: KubeError, request: Request) -> StoreError:
    told = judge_connection(error, request.endpoint, proxy_in=_PROXY)
    if told is not None:
        return told
    kind = next(ours for theirs, ours in _KINDS if isinstance(error, theirs))
    user = _USER.search(error.words)
    if user is not None:
        request = replace(request, principal=lambda: quote_foreign(user[1], request.secrets))
    elif kind is AccessDenied:
        kind, request = StoreRefused, replace(request, hint=lambda: _NO_MATTER_OF_RIGHTS)
    return make_error(kind, request, error.words.removesuffix("."), retry_after=error.retry_after)
