"""A URL means to the command line what it means to kops."""

import pytest

from clusterstate.cli.opening import Address
from clusterstate.gather import own_access


@pytest.mark.parametrize(
    ("url", "context", "place"),
    [
        ("s3://acme/below", None, "s3://acme/below/prod.example.com"),
        ("k8s://admin", "admin", "k8s:///prod-example-com/prod.example.com"),
        ("k8s://", "current", "k8s:///prod-example-com/prod.example.com"),
        ("k8s:///states/below", "current", "k8s:///states/below/prod.example.com"),
    ],
)
def test_where_a_state_is(url: str, context: str | None, place: str) -> None:
    address = Address.of(url, "current" if context else None)
    assert address.context == context
    assert address.keeps_objects is (url in {"k8s://admin", "k8s://"})
    assert own_access(address.spec, "home", "prod.example.com", {}).location.url == place
