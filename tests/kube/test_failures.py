"""Whatever an API server, or something that pretends to be one, answers: an error of ours without secrets."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.json import encode

from clusterstate.errors import (
    KubeError,
    KubeForbidden,
    KubeRefused,
    KubeUnavailable,
    ObjectChanged,
    ObjectExists,
    ObjectNotFound,
)
from clusterstate.kube.calls import Call
from clusterstate.kube.failures import Expired, Unauthorized, from_answer
from clusterstate.kube.kinds import CLUSTER_STATES, CONFIG_MAPS, SECRETS

TEXT = st.one_of(st.just("CANARY"), st.text(max_size=5).map("CANARY {}".format), st.text(max_size=5))
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(0, 600), TEXT),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXT, inner, max_size=3)),
    max_leaves=8,
)
CAUSE = st.fixed_dictionaries({}, optional={"reason": JSON, "message": JSON, "field": st.just("data[k]")})
STATUS = st.fixed_dictionaries(
    {"kind": st.just("Status")},
    optional={
        "message": JSON,
        "code": JSON,
        "metadata": JSON,
        "reason": st.one_of(JSON.filter(lambda value: value != "CANARY"), st.just("Invalid")),
        "details": st.one_of(JSON, st.fixed_dictionaries({"causes": st.one_of(JSON, st.lists(CAUSE, max_size=3))})),
    },
)


@given(code=st.integers(400, 599), status=STATUS)
def test_no_answer_about_a_secret_is_quoted(code: int, status: dict[str, Any]) -> None:
    call = Call(verb="update", kind=SECRETS, namespace="n", name="s")
    error = from_answer(call, code, {}, encode(status))
    assert isinstance(error, KubeError)
    assert "CANARY" not in error.message
    assert "update secrets n/s" in error.message


@given(code=st.integers(400, 599), status=STATUS)
def test_every_message_is_one_short_line(code: int, status: dict[str, Any]) -> None:
    message = from_answer(Call(verb="get", kind=CONFIG_MAPS), code, {}, encode(status)).message
    assert message.isprintable()
    assert len(message) < 1500


@pytest.mark.parametrize(
    ("code", "status", "error"),
    [
        (400, {}, KubeRefused),
        (401, {}, Unauthorized),
        (403, {}, KubeForbidden),
        (404, {}, ObjectNotFound),
        (409, {"reason": "AlreadyExists"}, ObjectExists),
        (409, {"reason": "Conflict"}, ObjectChanged),
        (409, {"reason": "Conflict", "details": {"causes": [{"reason": "FieldManagerConflict"}]}}, KubeRefused),
        (410, {}, Expired),
        (413, {}, KubeRefused),
        (422, {"reason": "Invalid"}, KubeRefused),
        (422, {"reason": "Invalid", "details": {"causes": [{"field": "metadata.uid"}]}}, ObjectChanged),
        (429, {}, KubeUnavailable),
        (500, {}, KubeUnavailable),
        (503, {}, KubeUnavailable),
    ],
)
def test_each_status_has_its_class(code: int, status: dict[str, Any], error: type[KubeError]) -> None:
    assert (
        type(from_answer(Call(verb="get", kind=CONFIG_MAPS), code, {}, encode({"kind": "Status", **status}))) is error
    )


def test_a_list_of_what_there_is_not_says_what_is_missing() -> None:
    told = from_answer(Call(verb="list", kind=CLUSTER_STATES), 404, {}, b"404 page not found").message
    assert told == (
        "Could not list clusterstates in all namespaces: HTTP status 404. The API server knows no clusterstates. "
        "Install their definition."
    )
    assert "Install" not in from_answer(Call(verb="get", kind=CONFIG_MAPS), 404, {}, b"").message


def test_the_servers_wait_is_kept() -> None:
    call = Call(verb="get", kind=CONFIG_MAPS)
    assert from_answer(call, 503, {"Retry-After": "7"}, b"").retry_after == 7
    assert from_answer(call, 503, {"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}, b"").retry_after is None


def test_a_denial_quotes_only_the_rule_that_is_missing() -> None:
    message = (
        'secrets "s" is forbidden: User "u" cannot get resource "secrets" in API group "" in the namespace "n": CANARY'
    )
    call = Call(verb="get", kind=SECRETS, namespace="n", name="s")
    told = from_answer(call, 403, {}, encode({"kind": "Status", "message": message})).message
    assert re.search(r'User "u" cannot get resource "secrets" in API group "" in the namespace "n"\.', told)
    assert "CANARY" not in told
