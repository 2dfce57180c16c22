"""Who asks Keystone, by variables: gophercloud's rules, one by one."""

import pytest

from clusterstate.errors import CredentialsInvalid
from clusterstate.store.backends.swift.who import (
    ApplicationCredential,
    Asking,
    Domain,
    Legacy,
    Password,
    Scope,
    User,
    Who,
    is_whole,
    read_asking,
)

URL = {"OS_AUTH_URL": "https://keystone.example.com:5000/v3"}
ME = {**URL, "OS_USERNAME": "me", "OS_PASSWORD": "canary", "OS_DOMAIN_NAME": "Default"}
IN_DEFAULT = User(name="me", domain=Domain(name="Default"))
APP = {**URL, "OS_APPLICATION_CREDENTIAL_SECRET": "canary"}


def who(variables: dict[str, str]) -> Who:
    return read_asking(variables, "The credentials Secret").who


def scope(**more: str) -> Scope:
    asked = who({**ME, **more})
    assert isinstance(asked, Password)
    return asked.scope


def user(**more: str) -> User:
    asked = who({**ME, "OS_DOMAIN_NAME": "", **more})
    assert isinstance(asked, Password)
    return asked.user


def test_a_user_with_a_password_asks_for_the_default_project() -> None:
    assert who(ME) == Password(IN_DEFAULT, Scope(), password="canary")


def test_a_passcode_stands_beside_or_in_place_of_a_password() -> None:
    assert who({**ME, "OS_PASSCODE": "123456"}) == Password(IN_DEFAULT, Scope(), "canary", "123456")
    assert who({**ME, "OS_PASSWORD": "", "OS_PASSCODE": "123456"}) == Password(IN_DEFAULT, Scope(), "", "123456")


def test_projects_win_over_tenants_and_ids_over_names() -> None:
    assert scope(OS_TENANT_NAME="t").project_name == "t"
    assert scope(OS_TENANT_NAME="t", OS_PROJECT_NAME="p").project_name == "p"
    assert scope(OS_TENANT_ID="1", OS_PROJECT_ID="2") == Scope(project_id="2")
    assert scope(OS_TENANT_ID="1", OS_PROJECT_NAME="p") == Scope(project_id="1")


def test_the_common_domain_is_that_of_user_and_project() -> None:
    both = who({**ME, "OS_PROJECT_NAME": "p"})
    assert both == Password(IN_DEFAULT, Scope(project_name="p", domain=Domain(name="Default")), "canary")


def test_domains_of_their_own_win_over_the_common_one() -> None:
    assert user(OS_DOMAIN_ID="d", OS_USER_DOMAIN_NAME="users").domain == Domain(name="users")
    assert user(OS_DOMAIN_ID="d", OS_PROJECT_DOMAIN_ID="projects").domain == Domain(id="d")
    assert scope(OS_PROJECT_NAME="p", OS_PROJECT_DOMAIN_ID="projects").domain == Domain(id="projects")


def test_one_domain_alone_is_that_of_user_and_project() -> None:
    users, projects = Domain(name="users"), Domain(id="projects")
    assert who({**ME, "OS_DOMAIN_NAME": "", "OS_USER_DOMAIN_NAME": "users", "OS_PROJECT_NAME": "p"}) == Password(
        User(name="me", domain=users), Scope(project_name="p", domain=users), "canary"
    )
    assert user(OS_PROJECT_DOMAIN_ID="projects").domain == projects


def test_a_user_by_id_needs_no_domain() -> None:
    assert user(OS_USERID="17") == User(id="17")
    with pytest.raises(CredentialsInvalid, match="names a project without its domain"):
        who({**ME, "OS_USERID": "17", "OS_DOMAIN_NAME": "", "OS_PROJECT_NAME": "p"})


def test_the_whole_system_wins_over_a_project() -> None:
    assert scope(OS_SYSTEM_SCOPE="all", OS_PROJECT_ID="2") == Scope(system=True)


def test_an_application_credential_has_its_scope_in_itself() -> None:
    by_id = {**APP, "OS_APPLICATION_CREDENTIAL_ID": "17", "OS_PROJECT_ID": "2", "OS_USERNAME": "me"}
    assert who(by_id) == ApplicationCredential("canary", id="17")
    by_name = {**APP, "OS_APPLICATION_CREDENTIAL_NAME": "app", "OS_USERNAME": "me", "OS_DOMAIN_NAME": "Default"}
    assert who(by_name) == ApplicationCredential("canary", name="app", user=IN_DEFAULT)
    assert who({**APP, "OS_APPLICATION_CREDENTIAL_NAME": "app", "OS_USERID": "17"}) == ApplicationCredential(
        "canary", name="app", user=User(id="17")
    )


def test_a_password_wins_over_an_application_credential() -> None:
    for more in ({"ID": "17", "SECRET": "other"}, {"NAME": "app", "SECRET": "other"}, {"SECRET": "other"}):
        beside = {f"OS_APPLICATION_CREDENTIAL_{name}": value for name, value in more.items()}
        assert who({**ME, **beside, "OS_PROJECT_ID": "2"}) == Password(IN_DEFAULT, Scope(project_id="2"), "canary")


@pytest.mark.parametrize(
    ("url", "asked"),
    [
        ("https://keystone/v3", "https://keystone/v3"),
        ("https://keystone:443/identity/v3/", "https://keystone/identity/v3"),
        ("https://keystone:5000", "https://keystone:5000/v3"),
        ("http://keystone/identity/", "http://keystone/identity/v3"),
        ("keystone.example.com", "https://keystone.example.com/v3"),
    ],
)
def test_the_version_is_that_of_the_url_and_nobody_is_asked(url: str, asked: str) -> None:
    assert read_asking({**ME, "OS_AUTH_URL": url}, "").auth_url == asked


@pytest.mark.parametrize("path", ["/auth/v1.0", "/auth/v1.0/", "/auth/v1", "/auth/1.0", "/v1.0"])
def test_urls_of_v1_are_known(path: str) -> None:
    asking = read_asking({**ME, "OS_AUTH_URL": f"https://swift{path}"}, "")
    assert asking == Asking(Legacy("me", "canary"), f"https://swift{path.rstrip('/')}")


@pytest.mark.parametrize("more", [{"OS_AUTH_TYPE": "v1password"}, {"OS_IDENTITY_API_VERSION": "1.0"}])
def test_v1_may_be_asked_for(more: dict[str, str]) -> None:
    asking = read_asking({**ME, "OS_AUTH_URL": "https://swift/login", **more}, "")
    assert asking == Asking(Legacy("me", "canary"), "https://swift/login")


@pytest.mark.parametrize("version", ["3", "3.0"])
def test_v3_may_be_asked_for_at_any_url(version: str) -> None:
    asking = read_asking({**ME, "OS_AUTH_URL": "https://swift/v1", "OS_IDENTITY_API_VERSION": version}, "")
    assert asking.auth_url == "https://swift/v1/v3"


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({}, "doesn't say where Keystone is. Give OS_AUTH_URL"),
        ({**ME, "OS_AUTH_URL": "ftp://canary"}, "OS_AUTH_URL is no URL"),
        ({**ME, "OS_AUTH_URL": "https://me:canary@keystone/v3"}, "OS_AUTH_URL is no URL"),
        ({**ME, "OS_AUTH_URL": "https://keystone/v2.0"}, "Identity v2, which is gone"),
        ({**ME, "OS_IDENTITY_API_VERSION": "2.0"}, "another version than 1 and 3"),
        ({**ME, "OS_AUTH_TYPE": "canary"}, "another way to authenticate than password, v1password"),
        (URL, "doesn't hold OS_USERNAME or OS_USERID"),
        ({**ME, "OS_PASSWORD": ""}, "doesn't hold OS_PASSWORD or OS_PASSCODE"),
        ({**ME, "OS_DOMAIN_NAME": ""}, "names a user without its domain. Give OS_USER_DOMAIN_NAME"),
        ({**ME, "OS_SYSTEM_SCOPE": "canary"}, "OS_SYSTEM_SCOPE that isn't 'all'"),
        ({**ME, "OS_APPLICATION_CREDENTIAL_ID": "17"}, "doesn't hold OS_APPLICATION_CREDENTIAL_SECRET"),
        (APP, "OS_APPLICATION_CREDENTIAL_ID or OS_APPLICATION_CREDENTIAL_NAME"),
        ({**URL, "OS_APPLICATION_CREDENTIAL_ID": "17"}, "doesn't hold OS_APPLICATION_CREDENTIAL_SECRET"),
        ({**APP, "OS_APPLICATION_CREDENTIAL_NAME": "app"}, "doesn't hold OS_USERNAME or OS_USERID"),
        ({**APP, "OS_APPLICATION_CREDENTIAL_NAME": "app", "OS_USERNAME": "me"}, "names a user without its domain"),
        ({"OS_AUTH_URL": "https://swift/auth/v1.0", "OS_USERNAME": "me"}, "doesn't hold OS_PASSWORD"),
    ],
)
def test_what_is_incomplete_is_named(variables: dict[str, str], words: str) -> None:
    with pytest.raises(CredentialsInvalid, match=words) as caught:
        read_asking(variables, "The credentials Secret")
    assert "canary" not in caught.value.message
    assert caught.value.message.endswith(".")


@pytest.mark.parametrize("missing", ["OS_AUTH_URL", "OS_USERNAME", "OS_PASSWORD", "OS_DOMAIN_NAME"])
def test_what_lacks_something_is_not_whole(missing: str) -> None:
    assert is_whole(ME)
    assert not is_whole({**ME, missing: ""})
    assert is_whole({**ME, "OS_AUTH_TYPE": "canary"}), "wrong is another thing than missing"
    assert is_whole({**APP, "OS_APPLICATION_CREDENTIAL_ID": "17"})
    assert not is_whole(APP)


def test_no_text_shows_a_secret() -> None:
    for variables in (ME, {**ME, "OS_PASSCODE": "canary"}, {**APP, "OS_APPLICATION_CREDENTIAL_ID": "17"}):
        assert "canary" not in repr(read_asking(variables, ""))
    assert "canary" not in repr(read_asking({**ME, "OS_AUTH_URL": "https://swift/auth/v1.0"}, ""))
