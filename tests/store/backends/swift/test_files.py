"""clouds.yaml and kops's INI file: a closed list of fields, the meaning that others give them, and bounds."""

import pytest

from clusterstate.errors import CredentialsInvalid
from clusterstate.store.backends.swift.files import LARGEST, read_clouds, read_ini, said_by
from clusterstate.store.credentials import Credentials, Source

INI = """
[Default]
identity = https://keystone/v3   ; where
user = "me"
password = 'can#ary'
domain_name = Default
tenant_name = `team`
[Global]
region = one
[Swift]
region = two
availability = internal
"""
CLOUD = """
clouds:
  openstack:
    auth:
      auth_url: https://keystone/v3
      username: me
      password: 0123
      project_name: team
      user_domain_name: Default
      project_domain_id: default
    region_name: one
    interface: public
    identity_api_version: 3
    verify: true
"""
FROM_CLOUD = {
    "OS_AUTH_URL": "https://keystone/v3",
    "OS_USERNAME": "me",
    "OS_PASSWORD": "0123",
    "OS_PROJECT_NAME": "team",
    "OS_USER_DOMAIN_NAME": "Default",
    "OS_PROJECT_DOMAIN_ID": "default",
    "OS_REGION_NAME": "one",
    "OS_INTERFACE": "public",
    "OS_IDENTITY_API_VERSION": "3",
}


def test_an_ini_file_is_read_as_kops_reads_it() -> None:
    assert read_ini(INI) == {
        "OS_AUTH_URL": "https://keystone/v3",
        "OS_USERNAME": "me",
        "OS_PASSWORD": "can#ary",
        "OS_DOMAIN_NAME": "Default",
        "OS_TENANT_NAME": "team",
        "OS_REGION_NAME": "one",
    }


def test_its_swift_section_counts_where_there_is_no_global_one() -> None:
    swift = "[Swift]\nregion=two\navailability=internal\nservice_type=object-store\nservice_name=swift\n"
    assert read_ini(swift) == {
        "OS_REGION_NAME": "two",
        "OS_INTERFACE": "internal",
        "OS_SERVICE_TYPE": "object-store",
        "OS_SERVICE_NAME": "swift",
    }
    assert read_ini(f"{swift}[Global]\n") == {}


def test_what_kops_does_not_read_is_refused_from_a_tenant_alone() -> None:
    for text, words in (
        ("[DEFAULT]\nuser=x\n[Default]\n", r"\[DEFAULT\]"),
        ("[Cinder]\na=b\n", r"\[Cinder\]"),
        ("[Default]\nca-file=/etc\n", r"ca-file in \[Default\]"),
    ):
        with pytest.raises(CredentialsInvalid, match=f"{words}, which is refused. Accepted are "):
            read_ini(text)
        assert read_ini(text, closed=False) == {}


def test_a_value_of_several_lines_is_told() -> None:
    with pytest.raises(
        CredentialsInvalid, match="In OPENSTACK_CREDENTIAL_FILE, the field that says OS_USERNAME isn't"
    ) as caught:
        read_ini("[Default]\nuser = canary\n  Host: x\n")
    assert "canary" not in caught.value.message


@pytest.mark.parametrize("text", ["canary", "[Default]\ncanary", "[Default]\na=canary\n[Default]\n", "=canary"])
def test_what_is_no_ini_file_is_told(text: str) -> None:
    with pytest.raises(CredentialsInvalid, match="OPENSTACK_CREDENTIAL_FILE is no INI file") as caught:
        read_ini(text)
    assert "canary" not in caught.value.message


def test_a_clouds_yaml_is_read_as_it_stands() -> None:
    assert read_clouds(CLOUD, "") == FROM_CLOUD
    assert read_clouds(CLOUD, "openstack") == FROM_CLOUD


def test_an_application_credential_is_read_as_clouds_offer_it() -> None:
    text = """
clouds:
  openstack:
    auth_type: "v3applicationcredential"
    auth: {auth_url: "https://k/v3", application_credential_id: "17", application_credential_secret: "canary"}
    endpoint_type: internalURL
    interface: public
"""
    assert read_clouds(text, "") == {
        "OS_AUTH_TYPE": "v3applicationcredential",
        "OS_AUTH_URL": "https://k/v3",
        "OS_APPLICATION_CREDENTIAL_ID": "17",
        "OS_APPLICATION_CREDENTIAL_SECRET": "canary",
        "OS_INTERFACE": "internalURL",
    }


def test_what_is_null_is_not_there() -> None:
    text = "clouds: {a: {auth: {auth_url: https://k, username: ~, user_id: null}, region_name: }}"
    assert read_clouds(text, "") == {"OS_AUTH_URL": "https://k"}


def test_of_several_clouds_one_is_chosen() -> None:
    text = "clouds: {one: {auth: {user_id: '1'}}, two: {auth: {user_id: '2'}}}"
    assert read_clouds(text, "two") == {"OS_USERID": "2"}
    for chosen in ("", "three"):
        with pytest.raises(CredentialsInvalid, match="Set OS_CLOUD to one of its: one, two"):
            read_clouds(text, chosen)


@pytest.mark.parametrize(
    ("cloud", "words"),
    [
        ("cacert: /etc/canary", "cacert, which is refused, as spec.store.caBundleRef"),
        ("verify: false", "verify, which is refused, as spec.store.caBundleRef"),
        ("cert: /etc/canary", "cert, which is refused, as it would name a file of the operator's own"),
        ("key: /etc/canary", "key, which is refused, as it would name a file"),
        ("profile: canary", "profile, which is refused, as it would name a file of vendors' settings"),
        ("cloud: canary", "cloud, which is refused"),
        ("regions: [canary]", "regions in a cloud, which is refused. Accepted are auth, "),
        ("auth: {token: canary}", "token in auth, which is refused. Accepted are user_id, auth_url"),
        ("auth: {password: [canary]}", "OS_PASSWORD isn't one line of text"),
        ("auth: {password: {canary: x}}", "OS_PASSWORD isn't one line of text"),
        ('auth: {password: "canary\\nHost: x"}', "OS_PASSWORD isn't one line of text"),
        ("auth: canary", "auth has no fields"),
        ("<<: {auth: {}}", "<< in a cloud"),
    ],
)
def test_each_other_field_is_refused_by_name(cloud: str, words: str) -> None:
    with pytest.raises(CredentialsInvalid, match=words) as caught:
        read_clouds(f"clouds: {{a: {{{cloud}}}}}", "")
    assert "canary" not in caught.value.message


@pytest.mark.parametrize("text", ["", "canary", "- canary", "clouds: canary", "clouds: {a: canary}", "1: {}"])
def test_what_has_no_clouds_is_told(text: str) -> None:
    with pytest.raises(CredentialsInvalid, match=r"clouds\.yaml") as caught:
        read_clouds(text, "")
    assert "canary" not in caught.value.message
    with pytest.raises(CredentialsInvalid, match=r"cache in clouds\.yaml"):
        read_clouds("clouds: {a: {}}\ncache: {class: canary}", "")


BOMB = "a: &a [x, x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [*{chr(97 + n)}, *{chr(97 + n)}]\n" for n in range(20)
)


@pytest.mark.parametrize(
    "text",
    [
        BOMB,
        "clouds: {a: &a {auth: {}}, b: *a}",
        "[" * 20000,
        "clouds: " + "{a: " * 100 + "x" + "}" * 100,
        "clouds: !!python/object/apply:os.system [canary]",
        "clouds: {}\n---\nclouds: {}",
        "clouds: {a: \x07}",
        "clouds: {? [a, b] : c}",
        "clouds: {? {a: b} : c}",
    ],
)
def test_yaml_that_grows_or_acts_is_refused(text: str) -> None:
    with pytest.raises(CredentialsInvalid, match=r"clouds\.yaml") as caught:
        read_clouds(text, "")
    assert "canary" not in caught.value.message


def test_files_are_read_up_to_a_size() -> None:
    for read in (lambda text: read_clouds(text, ""), read_ini):
        with pytest.raises(CredentialsInvalid, match=f"more than {LARGEST} characters"):
            read("#" * (LARGEST + 1))


def said(source: Source = Source.SECRET, own_ini: str = "", **variables: str) -> dict[str, str]:
    given = tuple(sorted((name.replace("clouds_yaml", "clouds.yaml"), value) for name, value in variables.items()))
    return dict(said_by(Credentials(source, given), own_ini))


def test_variables_win_over_the_ini_file() -> None:
    assert said(OPENSTACK_CREDENTIAL_FILE=INI) == read_ini(INI)
    own = {"OS_AUTH_URL": "https://other", "OS_USERID": "17"}
    assert said(OPENSTACK_CREDENTIAL_FILE=INI, **own) == {**own, "OS_REGION_NAME": "one"}
    assert said(OPENSTACK_CREDENTIAL_FILE=INI, OS_REGION_NAME="three") == {**read_ini(INI), "OS_REGION_NAME": "three"}


WHOLE = {"OS_AUTH_URL": "https://other", "OS_USERID": "17", "OS_PASSWORD": "x"}


@pytest.mark.parametrize("missing", WHOLE)
def test_the_operators_variables_count_as_a_whole_or_not_at_all(missing: str) -> None:
    assert said(Source.AMBIENT, INI, **WHOLE) == {**WHOLE, "OS_REGION_NAME": "one"}
    rest = {name: value for name, value in WHOLE.items() if name != missing}
    assert said(Source.AMBIENT, INI, **rest, OS_REGION_NAME="two") == {**read_ini(INI), "OS_REGION_NAME": "two"}
    assert said(Source.AMBIENT, "[Global]\nregion = one\n", **rest) == {**rest, "OS_REGION_NAME": "one"}


def test_the_operators_file_is_named_not_held_by_its_variable() -> None:
    assert said(Source.AMBIENT, INI, OPENSTACK_CREDENTIAL_FILE="/etc/openstack") == read_ini(INI)
    assert said(Source.AMBIENT, OPENSTACK_CREDENTIAL_FILE="/etc/openstack") == {}


def test_a_region_beside_a_clouds_yaml_wins() -> None:
    assert said(clouds_yaml=CLOUD, OS_REGION_NAME="two", OS_CLOUD="openstack")["OS_REGION_NAME"] == "two"


@pytest.mark.parametrize("other", ["OS_AUTH_URL", "OPENSTACK_CREDENTIAL_FILE"])
def test_who_asks_is_said_once(other: str) -> None:
    with pytest.raises(CredentialsInvalid, match=rf"holds clouds\.yaml and {other}"):
        said(clouds_yaml=CLOUD, **{other: "x"})


def test_a_cloud_is_chosen_where_there_are_clouds() -> None:
    with pytest.raises(CredentialsInvalid, match=r"OS_CLOUD without clouds\.yaml"):
        said(OS_CLOUD="openstack")
