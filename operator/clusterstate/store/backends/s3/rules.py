"""Which variables the credentials of S3 and its flavours consist of. Pure.

kops (util/pkg/vfs/s3context.go) reads `S3_*` for custom endpoints and leaves the rest to the AWS SDK, whose
variables are listed in "AWS SDKs and Tools Reference, Environment variables".
"""

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

AWS_PAIR: Final = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
S3_PAIR: Final = ("S3_ACCESS_KEY_ID", "S3_SECRET_ACCESS_KEY")
ROLE_ANNOTATION: Final = "eks.amazonaws.com/role-arn"
"""On a service account: the role that its tokens are exchanged for (EKS, IAM roles for service accounts)."""
AUDIENCE_ANNOTATION: Final = "eks.amazonaws.com/audience"

_SDK = Reader.SDK
_IDENTITY = "it belongs to the operator's own identity"


def _refused(name: str, why: str = _IDENTITY) -> Variable:
    return Variable(name, secret=False, ambient=_SDK, why=why)


_CUSTOM: Final = (
    *map(Variable, S3_PAIR),
    Variable("S3_ENDPOINT"),
    Variable("S3_REGION"),
    Variable("KOPS_STATE_S3_ACL"),
    *NETWORK,
)
_AWS: Final = (
    *(Variable(name, ambient=_SDK) for name in AWS_PAIR),
    Variable("AWS_SESSION_TOKEN", ambient=_SDK),
    Variable("AWS_REGION"),
    Variable("AWS_USE_DUALSTACK_ENDPOINT"),
    Variable("AWS_USE_FIPS_ENDPOINT"),
    _refused("AWS_DEFAULT_REGION", "kops reads AWS_REGION"),
    _refused("AWS_PROFILE"),
    _refused("AWS_CONFIG_FILE"),
    _refused("AWS_SHARED_CREDENTIALS_FILE"),
    _refused("AWS_ROLE_ARN", "spec.store.assumeRole or serviceAccountRef says which role"),
    _refused("AWS_ROLE_SESSION_NAME"),
    _refused("AWS_WEB_IDENTITY_TOKEN_FILE", "spec.store.serviceAccountRef brings the token"),
    _refused("AWS_CONTAINER_CREDENTIALS_FULL_URI"),
    _refused("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"),
    _refused("AWS_CONTAINER_AUTHORIZATION_TOKEN"),
    _refused("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"),
    _refused("AWS_EC2_METADATA_DISABLED"),
    _refused("AWS_EC2_METADATA_SERVICE_ENDPOINT"),
    _refused("AWS_ENDPOINT_URL", "S3_ENDPOINT or spec.store.endpoint says where the service is"),
    _refused("AWS_ENDPOINT_URL_S3", "S3_ENDPOINT or spec.store.endpoint says where the service is"),
    _refused("AWS_ENDPOINT_URL_STS", "STS is asked at the store's endpoint, or at AWS's own"),
    _refused("AWS_CA_BUNDLE", "spec.store.caBundleRef names the bundle"),
)


def _check(credentials: Credentials) -> None:
    for pair in (AWS_PAIR, S3_PAIR):
        require_all_or_none(credentials, *pair)
    require_company(credentials, "AWS_SESSION_TOKEN", *AWS_PAIR)
    require_company(credentials, "S3_ENDPOINT", *S3_PAIR)
    if credentials.source is Source.SECRET and not any(credentials.get(pair[0]) for pair in (AWS_PAIR, S3_PAIR)):
        choices = ", or ".join(" and ".join(pair) for pair in (AWS_PAIR, S3_PAIR))
        raise CredentialsInvalid(f"The credentials Secret holds no keys. Give {choices}.")
    if credentials.source is Source.SERVICE_ACCOUNT and not credentials.get(ROLE_ANNOTATION):
        raise CredentialsInvalid(
            f"The service account has no annotation {ROLE_ANNOTATION}. Set it to the ARN of the role to assume."
        )


def _check_custom(credentials: Credentials) -> None:
    require_all_or_none(credentials, *S3_PAIR)
    if credentials.source is Source.SECRET and not credentials.get(S3_PAIR[0]):
        raise CredentialsInvalid(f"The credentials Secret holds no keys. Give {' and '.join(S3_PAIR)}.")


RULES: Final = Rules(variables=(*_CUSTOM, *_AWS), check=_check, annotations=(ROLE_ANNOTATION, AUDIENCE_ANNOTATION))
"""Of `s3://`."""
CUSTOM_RULES: Final = Rules(variables=_CUSTOM, check=_check_custom)
"""Of S3's flavours, which are custom endpoints always."""
