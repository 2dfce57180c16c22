"""Who may do what on the server."""

import pytest

from tests.support.oss.accounts import Accounts, demand
from tests.support.oss.answers import Refused

READ = {"Effect": "Allow", "Action": ["oss:Get*"], "Resource": "acs:oss:*:*:state/prod/*"}
NOT_KEYS = {"Effect": "Deny", "Action": "oss:GetObject", "Resource": ["acs:oss:*:*:state/prod/pki/*"]}


@pytest.mark.parametrize(
    ("action", "key", "allowed"),
    [
        ("oss:GetObject", "prod/config", True),
        ("oss:GetObject", "prod/pki/key", False),
        ("oss:GetObjectAcl", "prod/pki/key", True),
        ("oss:PutObject", "prod/config", False),
        ("oss:GetObject", "other/config", False),
    ],
)
def test_a_deny_counts_first_and_silence_is_a_no(action: str, key: str, allowed: bool) -> None:  # noqa: FBT001 (a parameter)
    user = Accounts().create_user([READ, NOT_KEYS])
    assert user.may(action, f"acs:oss:*:1:state/{key}") is allowed


def test_a_refusal_names_who_it_is_for() -> None:
    user = Accounts().create_user()
    with pytest.raises(Refused) as caught:
        demand(user, "oss:GetObject", "acs:oss:*:1:state/config")
    detail = caught.value.details["AccessDeniedDetail"]
    assert f"<AuthPrincipalType>SubUser</AuthPrincipalType><AuthPrincipalDisplayName>{user.name}<" in detail


def test_temporary_credentials_need_their_token_and_end() -> None:
    now = [1000.0]
    accounts = Accounts(lambda: now[0])
    lent = accounts.lend("role:session", [READ], 900)
    assert accounts.find(lent.access_key, lent.token) == lent
    for token in ("", "other"):
        with pytest.raises(Refused) as caught:
            accounts.find(lent.access_key, token)
        assert caught.value.code == "InvalidSecurityToken"
    now[0] += 900
    with pytest.raises(Refused) as caught:
        accounts.find(lent.access_key, lent.token)
    assert caught.value.code == "SecurityTokenExpired"


def test_an_unknown_key_is_told() -> None:
    with pytest.raises(Refused) as caught:
        Accounts().find("LTAI", "")
    assert caught.value.code == "InvalidAccessKeyId"
