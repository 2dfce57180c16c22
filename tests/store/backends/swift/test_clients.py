"""What a client of Swift is made from: equal inputs share one, others never."""

from dataclasses import replace

import pytest

from clusterstate.errors import CredentialsInvalid, EndpointRefused
from clusterstate.store.backends.swift.config import ClientInputs, Own, Service, make_inputs
from clusterstate.store.backends.swift.who import (
    ApplicationCredential,
    Domain,
    Legacy,
    Password,
    Scope,
    SdkCloud,
    User,
)
from clusterstate.store.credentials import Credentials
from clusterstate.store.endpoint_policy import EndpointPolicy
from clusterstate.store.location import Location
from clusterstate.store.opening import Opening
from clusterstate.store.options import StoreOptions
from clusterstate.store.wire import Wire
from tests.store.backends.swift.stores import secret
from tests.store.opening import ambient

ME = {
    "OS_AUTH_URL": "https://keystone/v3",
    "OS_USERID": "17",
    "OS_PASSWORD": "canary",
    "OS_PROJECT_ID": "team",
}
PASSWORD = Password(User(name="me", domain=Domain(id="default")), Scope(project_id="team"), "canary")
ONE = ClientInputs(PASSWORD, "https://keystone/v3")
OTHERS = [
    replace(ONE, who=replace(PASSWORD, password="other")),
    replace(ONE, who=replace(PASSWORD, passcode="123456")),
    replace(ONE, who=replace(PASSWORD, user=User(id="me"))),
    replace(ONE, who=replace(PASSWORD, user=User(name="me", domain=Domain(name="default")))),
    replace(ONE, who=replace(PASSWORD, scope=Scope(project_name="team"))),
    replace(ONE, who=replace(PASSWORD, scope=Scope(project_name="team", domain=Domain(id="default")))),
    replace(ONE, who=replace(PASSWORD, scope=Scope(system=True))),
    replace(ONE, who=ApplicationCredential("canary", id="me")),
    replace(ONE, who=ApplicationCredential("other", id="me")),
    replace(ONE, who=ApplicationCredential("canary", name="me")),
    replace(ONE, who=Legacy("me", "canary")),
    replace(ONE, who=Legacy("me", "other")),
    replace(ONE, who=SdkCloud("me", "1")),
    replace(ONE, who=SdkCloud("me", "2")),
    replace(ONE, who=SdkCloud("me", "2", ("canary",))),
    replace(ONE, auth_url="https://other/v3"),
    replace(ONE, service=Service(region="one")),
    replace(ONE, service=Service(interface="internal")),
    replace(ONE, service=Service(type="other")),
    replace(ONE, service=Service(name="swift")),
    replace(ONE, verify=False),
    replace(ONE, wire=Wire(guard=EndpointPolicy())),
    replace(ONE, wire=Wire(proxy="http://proxy:3128")),
    replace(ONE, wire=Wire(ca_bundle="-----BEGIN")),
    replace(ONE, wire=Wire(sealed=False)),
]


def test_any_two_inputs_are_different_keys_of_the_cache() -> None:
    assert len({ONE, *OTHERS}) == 1 + len(OTHERS)


def test_no_text_of_inputs_shows_a_secret() -> None:
    assert not [each for each in (ONE, *OTHERS) if "canary" in repr(each)]


def inputs(credentials: Credentials, own: Own | None = None, **options: str) -> ClientInputs:
    opening = Opening(Location.parse("swift://acme"), StoreOptions(**options), credentials, EndpointPolicy())
    return make_inputs(opening, own or Own())


@pytest.mark.parametrize(("given", "region"), [("one", "one"), ("'one'", "one"), ("'", "'"), ('"one"', '"one"')])
def test_single_quotes_around_a_region_are_dropped_as_kops_does(given: str, region: str) -> None:
    assert inputs(secret({**ME, "OS_REGION_NAME": given})).service.region == region


def test_the_field_wins_over_the_variable() -> None:
    assert inputs(secret({**ME, "OS_REGION_NAME": "one"}), region="two").service.region == "two"


@pytest.mark.parametrize(
    ("given", "interface"), [("internal", "internal"), ("internalURL", "internal"), ("", "public")]
)
def test_an_interface_has_two_spellings(given: str, interface: str) -> None:
    more = {"OS_INTERFACE": given} if given else {}
    assert inputs(secret({**ME, **more})).service.interface == interface


def test_an_interface_that_is_none_is_refused() -> None:
    with pytest.raises(CredentialsInvalid, match="OS_INTERFACE is none of public"):
        inputs(secret({**ME, "OS_INTERFACE": "canary"}))


def test_v1_knows_no_region() -> None:
    legacy = secret({**ME, "OS_AUTH_URL": "https://swift/auth/v1.0", "OS_USERNAME": "acme:me", "OS_REGION_NAME": "one"})
    assert inputs(legacy).service == Service()


@pytest.mark.parametrize(("given", "verify"), [("true", False), ("1", False), ("false", True), ("yes", True)])
def test_the_operator_alone_may_leave_certificates_unchecked(given: str, verify: bool) -> None:  # noqa: FBT001 (a parameter)
    found = inputs(ambient("swift", {**ME, "KOPS_OS_TLS_INSECURE_SKIP_VERIFY": given}))
    assert found.verify is verify
    assert found.wire == Wire(sealed=False)
    with pytest.raises(CredentialsInvalid, match=r"KOPS_OS_TLS_INSECURE_SKIP_VERIFY.*caBundleRef"):
        secret({**ME, "KOPS_OS_TLS_INSECURE_SKIP_VERIFY": given})


def test_a_tenants_keystone_is_judged() -> None:
    assert inputs(secret(ME)).wire.guard == EndpointPolicy()


def test_the_operators_own_way_is_not_a_tenants_to_choose() -> None:
    with pytest.raises(EndpointRefused, match="operator's own credentials"):
        inputs(ambient("swift", ME), proxy="http://proxy:3128")
