"""Which variables the credentials of Alibaba Cloud OSS consist of. Pure.

kops (util/pkg/vfs/osscontext.go, up to 1.23) reads `OSS_REGION`, `ALIYUN_ACCESS_KEY_ID`, `ALIYUN_ACCESS_KEY_SECRET`
and `ALIYUN_OSS_INTERNAL`. It knows no temporary credentials; their token is called as Alibaba's documents call it,
with kops's prefix. `OSS_ENDPOINT` is that of Alibaba's own ossutil. A role for a service account (RRSA) is described
in "Use RRSA to authorize different pods to access different cloud services".
"""

import re
from typing import Final

from clusterstate.errors import CredentialsInvalid
from clusterstate.store.credentials import (
    NETWORK,
    Credentials,
    Reader,
    Rules,
    Source,
    Variable,
    require_all_or_none,
    require_company,
)

PAIR: Final = ("ALIYUN_ACCESS_KEY_ID", "ALIYUN_ACCESS_KEY_SECRET")
TOKEN: Final = "ALIYUN_SECURITY_TOKEN"  # noqa: S105 (a variable's name)
REGION: Final = "OSS_REGION"
ENDPOINT: Final = "OSS_ENDPOINT"
INTERNAL: Final = "ALIYUN_OSS_INTERNAL"

ROLE: Final = "ALIBABA_CLOUD_ROLE_ARN"
PROVIDER: Final = "ALIBABA_CLOUD_OIDC_PROVIDER_ARN"
TOKEN_FILE: Final = "ALIBABA_CLOUD_OIDC_TOKEN_FILE"  # noqa: S105 (as above)
"""With the two before it, what ACK's webhook gives a pod whose service account has a role."""

ROLE_NAME_ANNOTATION: Final = "pod-identity.alibabacloud.com/role-name"
"""On a service account: the name of its role, in the account of the identity provider. ACK's own annotation."""
ROLE_ANNOTATION: Final = "clusterstate.dev/alibaba-role-arn"
"""On a service account: the whole ARN of its role; wins over the name."""
PROVIDER_ANNOTATION: Final = "clusterstate.dev/alibaba-oidc-provider-arn"
"""On a service account: the identity provider that stands for this cluster; without it `PROVIDER` of the operator."""

_ROLE = re.compile(r"acs:ram::\d+:role/[\w.-]+")
_PROVIDER = re.compile(r"(acs:ram::\d+):oidc-provider/[\w.-]+")
_ROLE_NAME = re.compile(r"[\w.-]+")


def _refused(name: str, why: str) -> Variable:
    return Variable(name, secret=False, ambient=Reader.NOBODY, why=why)


_KEYS = f"kops reads {' and '.join(PAIR)}"
_FILES = "it would name something in the operator's own environment"
_METADATA = "it concerns the machine that the operator runs on"

_VARIABLES: Final = (
    *map(Variable, PAIR),
    Variable(TOKEN),
    Variable(REGION),
    Variable(ENDPOINT),
    Variable(INTERNAL),
    *(
        Variable(name, secret=False, why="spec.store.serviceAccountRef brings a role and the token for it")
        for name in (ROLE, PROVIDER, TOKEN_FILE)
    ),
    _refused("ALIBABA_CLOUD_ROLE_SESSION_NAME", "sessions are named after the service account"),
    _refused("ALIBABA_CLOUD_ACCESS_KEY_ID", _KEYS),
    _refused("ALIBABA_CLOUD_ACCESS_KEY_SECRET", _KEYS),
    _refused("ALIBABA_CLOUD_SECURITY_TOKEN", f"the token beside {PAIR[0]} is {TOKEN}"),
    _refused("OSS_ACCESS_KEY_ID", _KEYS),
    _refused("OSS_ACCESS_KEY_SECRET", _KEYS),
    _refused("OSS_SESSION_TOKEN", f"the token beside {PAIR[0]} is {TOKEN}"),
    _refused("ALIBABA_CLOUD_PROFILE", _FILES),
    _refused("ALIBABA_CLOUD_CREDENTIALS_FILE", _FILES),
    _refused("ALIBABA_CLOUD_CREDENTIALS_URI", "credentials are given here, not fetched from a URL"),
    _refused("ALIBABA_CLOUD_ECS_METADATA", _METADATA),
    *NETWORK,
)


def provider_of(credentials: Credentials) -> str:
    """Give the ARN of the identity provider that a service account's tokens go to; empty: none is named."""
    return credentials.get(PROVIDER_ANNOTATION) or credentials.get(PROVIDER)


def role_of(credentials: Credentials) -> str:
    """Give the ARN of a service account's role; a name alone is one of the provider's account."""
    found = _PROVIDER.fullmatch(provider_of(credentials))
    named = f"{found[1]}:role/{credentials.get(ROLE_NAME_ANNOTATION)}" if found else ""
    return credentials.get(ROLE_ANNOTATION) or named


def _check(credentials: Credentials) -> None:
    require_all_or_none(credentials, *PAIR)
    require_company(credentials, TOKEN, *PAIR)
    if credentials.source is Source.SECRET and not credentials.get(PAIR[0]):
        raise CredentialsInvalid(f"The credentials Secret holds no keys. Give {' and '.join(PAIR)}.")
    if credentials.source is Source.SERVICE_ACCOUNT:
        _check_account(credentials)


def _check_account(credentials: Credentials) -> None:
    if not credentials.get(ROLE_ANNOTATION) and not _ROLE_NAME.fullmatch(credentials.get(ROLE_NAME_ANNOTATION)):
        raise CredentialsInvalid(
            f"The service account has no annotation {ROLE_NAME_ANNOTATION} that is the name of a role, and no "
            f"{ROLE_ANNOTATION}. Set one of them."
        )
    if not _PROVIDER.fullmatch(provider_of(credentials)):
        raise CredentialsInvalid(
            "No identity provider acs:ram::ACCOUNT:oidc-provider/NAME is known for the service account. Set its "
            f"annotation {PROVIDER_ANNOTATION}, or have {PROVIDER} set for the operator."
        )
    if not _ROLE.fullmatch(role_of(credentials)):
        raise CredentialsInvalid(
            f"The service account's annotation {ROLE_ANNOTATION} isn't acs:ram::ACCOUNT:role/NAME. Correct it."
        )


RULES: Final = Rules(
    variables=_VARIABLES,
    check=_check,
    annotations=(ROLE_NAME_ANNOTATION, ROLE_ANNOTATION, PROVIDER_ANNOTATION),
    facts=(PROVIDER,),
)
"""Of `oss://`."""
