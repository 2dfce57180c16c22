"""What options and credentials make together, and what a client is made from."""

import json
from dataclasses import replace

import pytest

from clusterstate.errors import CredentialsInvalid, EndpointRefused, SpecInvalid
from clusterstate.store.backends.gcs.config import (
    AccountToken,
    AwsKeys,
    ClientInputs,
    Config,
    Exchange,
    GivenToken,
    Own,
    in_cluster,
    make_config,
    own_endpoint,
)
from clusterstate.store.backends.gcs.keyfile import STS_URL, WEB_TOKEN, Federation, Key
from clusterstate.store.backends.gcs.rules import RULES
from clusterstate.store.credentials import (
    NO_CREDENTIALS,
    Credentials,
    Given,
    ServiceAccount,
    Source,
    choose_credentials,
)
from clusterstate.store.endpoint_policy import EndpointPolicy
from clusterstate.store.location import Location
from clusterstate.store.opening import Opening
from clusterstate.store.options import StoreOptions
from clusterstate.store.wire import Wire
from tests.store.backends.gcs.stores import secret
from tests.store.backends.gcs.test_keyfile import EMAIL, FEDERATION, IMPERSONATION, KEY
from tests.store.opening import ambient

GOOGLE = "https://storage.googleapis.com"
CLUSTER = "projects/acme/locations/europe-west3/clusters/prod"
PROVIDER = "projects/123/locations/global/workloadIdentityPools/pool/providers/cluster"
AWS = {"AWS_ACCESS_KEY_ID": "canary-id", "AWS_SECRET_ACCESS_KEY": "canary-key", "AWS_REGION": "eu-west-1"}
AWS_FEDERATION = {**FEDERATION, "subject_token_type": "urn:ietf:params:aws:token-type:aws4_request"}


class NoTokens:
    def issue(self, audience: str) -> str:
        raise AssertionError(audience)


def config(
    credentials: Credentials, options: StoreOptions | None = None, policy: EndpointPolicy | None = None
) -> Config:
    location = Location.parse("gs://acme/states/prod.example.com")
    return make_config(Opening(location, options or StoreOptions(), credentials, policy or EndpointPolicy()))


def identity(environ: dict[str, str] | None = None, **annotations: str) -> Credentials:
    account = ServiceAccount("clusters", "state", "uid-1", annotations)
    given = Given(account=account, issuer=NoTokens())
    return choose_credentials("gs", RULES, given, environ or {}, ambient_allowed=False)


def test_a_key_asks_google_itself_and_past_no_judge() -> None:
    found = config(secret(json.dumps(KEY)))
    assert isinstance(found.inputs.who, Key)
    assert (found.inputs.endpoint, found.inputs.wire, found.urls) == (GOOGLE, Wire(), ())


@pytest.mark.parametrize(
    "endpoint", ["storage.europe-west3.rep.googleapis.com", "https://storage-acme.p.googleapis.com/"]
)
def test_an_endpoint_of_googles_is_the_same_store(endpoint: str) -> None:
    found = config(secret(json.dumps(KEY)), StoreOptions(endpoint=endpoint))
    assert own_endpoint(found.inputs.endpoint) == ""
    assert found.inputs.wire.guard is None


@pytest.mark.parametrize("endpoint", ["https://evil.storage.googleapis.com", "http://storage.googleapis.com"])
def test_a_buckets_own_address_is_another_store(endpoint: str) -> None:
    """Below it every path is a file that its owner has put there, so that it proves nothing of other buckets."""
    assert own_endpoint(endpoint) == endpoint


def test_what_a_tenant_names_is_judged() -> None:
    policy = EndpointPolicy(token_urls=("http://127.0.0.1:4445",))
    here = config(secret(json.dumps(KEY)), StoreOptions(endpoint="http://10.0.0.1:4443"), policy)
    assert (here.inputs.wire.guard, here.urls) == (policy, ("http://10.0.0.1:4443",))
    assert own_endpoint(here.inputs.endpoint) == "http://10.0.0.1:4443"
    token = config(secret(json.dumps({**KEY, "token_uri": "http://127.0.0.1:4445/token"})), policy=policy)
    assert (token.inputs.wire.guard, token.urls) == (policy, ("http://127.0.0.1:4445/token",))


def test_what_is_no_endpoint_is_refused() -> None:
    with pytest.raises(SpecInvalid):
        config(secret(json.dumps(KEY)), StoreOptions(endpoint="ftp://acme"))


def test_another_universe_has_its_own_addresses() -> None:
    sovereign = {"token_uri": "https://oauth2.sovereign.example/token", "universe_domain": "sovereign.example"}
    policy = EndpointPolicy(token_urls=("https://oauth2.sovereign.example",))
    found = config(secret(json.dumps({**KEY, **sovereign})), policy=policy)
    assert found.inputs.endpoint == "https://storage.sovereign.example"
    assert own_endpoint(found.inputs.endpoint) == "https://storage.sovereign.example"
    assert found.inputs.wire.guard == policy


def test_the_chain_of_the_environment_goes_where_the_operator_says() -> None:
    ours = config(ambient("gs", {}))
    assert (ours.inputs.who, ours.inputs.endpoint, ours.inputs.wire) == (Own.CHAIN, GOOGLE, Wire(sealed=False))
    with pytest.raises(EndpointRefused, match=r"operator's own credentials.*STORAGE_EMULATOR_HOST"):
        config(ambient("gs", {}), StoreOptions(endpoint="https://storage.googleapis.com"))


def test_the_operators_emulator_is_asked_as_nobody() -> None:
    for options in (StoreOptions(), StoreOptions(endpoint="http://localhost:4443/")):
        found = config(ambient("gs", {"STORAGE_EMULATOR_HOST": "localhost:4443"}), options)
        assert (found.inputs.who, found.inputs.endpoint) == (Own.NOBODY, "http://localhost:4443")
        assert found.inputs.wire.guard is None
    with pytest.raises(EndpointRefused):
        config(ambient("gs", {"STORAGE_EMULATOR_HOST": "http://localhost:4443"}), StoreOptions(endpoint="http://evil"))


@pytest.mark.parametrize("credentials", [replace(identity(), issuer=None), Credentials(Source.SECRET), NO_CREDENTIALS])
def test_who_gives_nobody_is_never_the_operator(credentials: Credentials) -> None:
    with pytest.raises(CredentialsInvalid, match="gives nobody to ask Google as"):
        config(credentials)


def test_accounts_are_impersonated_in_order() -> None:
    chain = {"GOOGLE_IMPERSONATE_SERVICE_ACCOUNT": "a@x.iam.gserviceaccount.com, b@x.iam.gserviceaccount.com"}
    assert config(ambient("gs", chain)).inputs.accounts == (
        "a@x.iam.gserviceaccount.com",
        "b@x.iam.gserviceaccount.com",
    )
    found = config(secret(json.dumps(IMPERSONATION), **chain)).inputs
    assert found.accounts == (EMAIL, "a@x.iam.gserviceaccount.com", "b@x.iam.gserviceaccount.com")


@pytest.mark.parametrize("names", ["a", "a@b/c", "a@x.iam.gserviceaccount.com,", "a@x,,b@x"])
def test_what_is_no_account_is_told(names: str) -> None:
    with pytest.raises(CredentialsInvalid, match="environment has a GOOGLE_IMPERSONATE_SERVICE_ACCOUNT"):
        ambient("gs", {"GOOGLE_IMPERSONATE_SERVICE_ACCOUNT": names})
    with pytest.raises(CredentialsInvalid, match="Secret has a GOOGLE_IMPERSONATE_SERVICE_ACCOUNT"):
        secret(json.dumps(KEY), GOOGLE_IMPERSONATE_SERVICE_ACCOUNT=names)
    with pytest.raises(CredentialsInvalid, match=r"service account has a iam\.gke\.io/gcp-service-account"):
        identity(**{"iam.gke.io/gcp-service-account": names})


def test_a_federation_exchanges_what_the_secret_holds() -> None:
    token = config(secret(json.dumps(FEDERATION), GOOGLE_SUBJECT_TOKEN="canary")).inputs.who
    assert isinstance(token, Exchange)
    assert token.subject == GivenToken("canary")
    keys = config(secret(json.dumps(AWS_FEDERATION), **AWS, AWS_SESSION_TOKEN="canary-token")).inputs.who
    assert isinstance(keys, Exchange)
    assert keys.subject == AwsKeys("canary-id", "canary-key", "eu-west-1", "canary-token")
    assert "canary" not in f"{token!r} {keys!r}"


@pytest.mark.parametrize(
    ("document", "more", "words"),
    [
        (FEDERATION, {}, "Add GOOGLE_SUBJECT_TOKEN"),
        (FEDERATION, AWS, "AWS_ACCESS_KEY_ID, which its GOOGLE_APPLICATION_CREDENTIALS has no use for"),
        (AWS_FEDERATION, {}, "Add AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION"),
        (AWS_FEDERATION, {"GOOGLE_SUBJECT_TOKEN": "canary"}, "GOOGLE_SUBJECT_TOKEN, which"),
        (KEY, {"GOOGLE_SUBJECT_TOKEN": "canary"}, "GOOGLE_SUBJECT_TOKEN, which"),
        (KEY, AWS, "AWS_ACCESS_KEY_ID, which"),
    ],
)
def test_what_does_not_fit_the_document_is_told(document: dict[str, str], more: dict[str, str], words: str) -> None:
    with pytest.raises(CredentialsInvalid, match=words) as caught:
        config(secret(json.dumps(document), **more))
    assert "canary" not in caught.value.message


def test_a_service_account_of_gke_is_exchanged_in_the_clusters_pool() -> None:
    """Google, "Authenticate to Google Cloud APIs from GKE workloads"; Flux does the same."""
    found = config(identity({"CLUSTERSTATE_GKE_CLUSTER": CLUSTER}, **{"iam.gke.io/gcp-service-account": EMAIL}))
    audience = f"identitynamespace:acme.svc.id.goog:https://container.googleapis.com/v1/{CLUSTER}"
    who = found.inputs.who
    assert isinstance(who, Exchange)
    assert who.federation == Federation(audience, WEB_TOKEN, STS_URL)
    assert isinstance(who.subject, AccountToken)
    assert who.subject.audience == "acme.svc.id.goog"
    assert (found.inputs.accounts, found.metadata_host) == ((EMAIL,), "")


def test_elsewhere_the_provider_is_named() -> None:
    found = config(
        identity({"CLUSTERSTATE_GKE_CLUSTER": CLUSTER}, **{"clusterstate.dev/workload-identity-provider": PROVIDER})
    )
    who = found.inputs.who
    assert isinstance(who, Exchange)
    assert who.federation == Federation(f"//iam.googleapis.com/{PROVIDER}", WEB_TOKEN, STS_URL)
    assert isinstance(who.subject, AccountToken)
    assert who.subject.audience == f"//iam.googleapis.com/{PROVIDER}"
    assert (found.inputs.accounts, found.metadata_host) == ((), "")


def test_a_cluster_that_nobody_names_is_asked_for() -> None:
    assert config(identity()).metadata_host == "metadata.google.internal"
    unknown = config(identity({"GCE_METADATA_HOST": "127.0.0.1:81"}))
    assert unknown.metadata_host == "127.0.0.1:81"
    assert in_cluster(unknown.inputs, CLUSTER) == config(identity({"CLUSTERSTATE_GKE_CLUSTER": CLUSTER})).inputs


@pytest.mark.parametrize(
    ("environ", "annotations", "words"),
    [
        ({}, {"clusterstate.dev/workload-identity-provider": "pool"}, "clusterstate.dev/workload-identity-provider"),
        ({"CLUSTERSTATE_GKE_CLUSTER": "prod"}, {}, "CLUSTERSTATE_GKE_CLUSTER"),
    ],
)
def test_names_that_are_none_are_told(environ: dict[str, str], annotations: dict[str, str], words: str) -> None:
    with pytest.raises(CredentialsInvalid, match=words):
        identity(environ, **annotations)


def test_lists_come_from_the_file_that_the_options_name() -> None:
    place = Location.parse("gs://other/states/prod.example.com/config")
    assert config(secret(json.dumps(KEY)), StoreOptions(acl_from=place)).grants_from == place
    assert config(secret(json.dumps(KEY))).grants_from is None


WHO = Key("a@x", "canary", "id", "https://oauth2.googleapis.com/token")
ONE = ClientInputs(WHO, GOOGLE)
ACCOUNT = ServiceAccount("clusters", "state", "uid-1")
FOREIGN = Federation("//iam.googleapis.com/p", WEB_TOKEN, STS_URL)
TOKEN = replace(ONE, who=Exchange(FOREIGN, AccountToken(ACCOUNT, "a", NoTokens())))
OTHERS = [
    replace(ONE, who=replace(WHO, email="b@x")),
    replace(ONE, who=replace(WHO, private_key="other")),
    replace(ONE, who=replace(WHO, key_id="other")),
    replace(ONE, who=replace(WHO, token_url="https://other")),
    replace(ONE, who=Own.CHAIN),
    replace(ONE, who=Own.NOBODY),
    replace(ONE, who=Exchange(FOREIGN, GivenToken("one"))),
    replace(ONE, who=Exchange(FOREIGN, GivenToken("two"))),
    replace(ONE, who=Exchange(replace(FOREIGN, audience="other"), GivenToken("one"))),
    replace(ONE, who=Exchange(FOREIGN, AwsKeys("id", "key", "eu-west-1"))),
    replace(ONE, who=Exchange(FOREIGN, AwsKeys("id", "key", "eu-west-2"))),
    replace(ONE, who=Exchange(FOREIGN, AwsKeys("id", "key", "eu-west-1", "token"))),
    TOKEN,
    replace(ONE, who=Exchange(FOREIGN, AccountToken(replace(ACCOUNT, uid="uid-2"), "a", NoTokens()))),
    replace(ONE, who=Exchange(FOREIGN, AccountToken(ACCOUNT, "b", NoTokens()))),
    replace(ONE, endpoint="http://127.0.0.1:10"),
    replace(ONE, accounts=("a@x",)),
    replace(ONE, accounts=("a@x", "b@x")),
    replace(ONE, accounts_url="https://iam.example/"),
    replace(ONE, lifetime=600),
    replace(ONE, universe="sovereign.example"),
    replace(ONE, wire=Wire(guard=EndpointPolicy())),
    replace(ONE, wire=Wire(proxy="http://proxy:3128")),
    replace(ONE, wire=Wire(ca_bundle="-----BEGIN")),
    replace(ONE, wire=Wire(sealed=False)),
]


def test_any_two_inputs_are_different_keys_of_the_cache() -> None:
    assert len({ONE, *OTHERS}) == 1 + len(OTHERS)


def test_who_issues_the_tokens_is_no_difference() -> None:
    assert replace(TOKEN, who=Exchange(FOREIGN, AccountToken(ACCOUNT, "a", NoTokens()))) == TOKEN


def test_no_text_of_inputs_shows_a_key() -> None:
    assert "canary" not in repr(ONE)
