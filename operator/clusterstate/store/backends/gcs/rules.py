"""Which variables the credentials of Google Cloud Storage consist of. Pure.

kops (util/pkg/vfs/context.go) leaves all of it to Google's "application default credentials", whose variables are
listed in google-auth (google/auth/environment_vars.py). In a Secret `GOOGLE_APPLICATION_CREDENTIALS` holds the
document itself; what its exchange needs besides stands next to it.
"""

import re
from typing import Final

from clusterstate.errors import CredentialsInvalid
from clusterstate.store.credentials import (
    HOLDERS,
    NETWORK,
    Credentials,
    Reader,
    Rules,
    Source,
    Variable,
    require_all_or_none,
    require_company,
)

DOCUMENT: Final = "GOOGLE_APPLICATION_CREDENTIALS"
SUBJECT_TOKEN: Final = "GOOGLE_SUBJECT_TOKEN"  # noqa: S105 (a name)
"""Ours: the token of somebody else's that an `external_account` document exchanges for one of Google's."""
IMPERSONATE: Final = "GOOGLE_IMPERSONATE_SERVICE_ACCOUNT"
"""E-mail address of a service account, or a chain of them: the last one is who asks in the end."""
EMULATOR: Final = "STORAGE_EMULATOR_HOST"
AWS_KEYS: Final = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION")
"""What an `external_account` document with AWS as its source exchanges."""
AWS_TOKEN: Final = "AWS_SESSION_TOKEN"  # noqa: S105 (a name)
METADATA_HOST: Final = "GCE_METADATA_HOST"
CLUSTER: Final = "CLUSTERSTATE_GKE_CLUSTER"
"""Of the operator's environment: the GKE cluster that it runs in, as Google's APIs name it."""

ACCOUNT_ANNOTATION: Final = "iam.gke.io/gcp-service-account"
"""On a service account, as GKE has it: the Google service account that it acts as."""
PROVIDER_ANNOTATION: Final = "clusterstate.dev/workload-identity-provider"
"""On a service account, outside GKE: the provider that exchanges its tokens."""

EMAIL: Final = re.compile(r"[A-Za-z0-9._-]{1,64}@[A-Za-z0-9.-]{1,190}", re.ASCII)
PROVIDER: Final = re.compile(
    r"projects/\d{1,20}/locations/global/workloadIdentityPools/[\w-]{1,64}/providers/[\w-]{1,64}", re.ASCII
)
_CLUSTER = re.compile(r"projects/[\w.:-]{1,64}/locations/[\w-]{1,64}/clusters/[\w-]{1,64}", re.ASCII)

_SDK = Reader.SDK
_IDENTITY = "it belongs to the operator's own identity"
_NO_CERTIFICATE = "client certificates aren't supported"
_METADATA = (
    "GCE_METADATA_ROOT",
    "GCE_METADATA_IP",
    "GCE_METADATA_TIMEOUT",
    "GCE_METADATA_DETECT_RETRIES",
    "GCE_METADATA_MTLS_MODE",
    "NO_GCE_CHECK",
)
_CLIENT_CERTIFICATES = (
    "GOOGLE_API_USE_CLIENT_CERTIFICATE",
    "GOOGLE_API_USE_MTLS_ENDPOINT",
    "CLOUDSDK_CONTEXT_AWARE_USE_CLIENT_CERTIFICATE",
)
_BOUND_TOKENS = (
    "GOOGLE_API_CERTIFICATE_CONFIG",
    "CLOUDSDK_CONTEXT_AWARE_CERTIFICATE_CONFIG_FILE_PATH",
    "GOOGLE_API_ENABLE_RUNTIME_BOUND_TOKEN",
    "GOOGLE_API_PREVENT_AGENT_TOKEN_SHARING_FOR_GCP_SERVICES",
)
"""The certificate of the operator's own workload, to which its tokens may be bound."""
_BOUNDARIES = (
    "GOOGLE_AUTH_TRUST_BOUNDARY_ENABLED",
    "GOOGLE_SDK_EXPERIMENTAL_PYTHON_REGIONAL_ACCESS_BOUNDARY_LOOKUP_ENABLED",
)


def _refused(name: str, why: str, ambient: Reader = _SDK) -> Variable:
    return Variable(name, secret=False, ambient=ambient, why=why)


_VARIABLES: Final = (
    Variable(DOCUMENT, ambient=_SDK, file=True),
    Variable(SUBJECT_TOKEN, ambient=Reader.NOBODY),
    Variable(IMPERSONATE),
    *(Variable(name, ambient=_SDK) for name in (*AWS_KEYS, AWS_TOKEN)),
    *NETWORK,
    _refused("REQUESTS_CA_BUNDLE", "spec.store.caBundleRef names the bundle"),
    _refused(EMULATOR, "spec.store.endpoint says where the service is", Reader.OURS),
    *(_refused(name, _IDENTITY) for name in ("CLOUDSDK_CONFIG", "GOOGLE_CLOUD_QUOTA_PROJECT", "APPENGINE_RUNTIME")),
    *(_refused(name, "a bucket's name says all") for name in ("GOOGLE_CLOUD_PROJECT", "GCLOUD_PROJECT")),
    *(_refused(name, _IDENTITY) for name in (METADATA_HOST, *_METADATA)),
    _refused("AWS_DEFAULT_REGION", "AWS_REGION says it"),
    _refused("GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES", "programs would run with the operator's powers"),
    *(_refused(name, _NO_CERTIFICATE, Reader.NOBODY) for name in _CLIENT_CERTIFICATES),
    *(_refused(name, _IDENTITY) for name in _BOUND_TOKENS),
    *(_refused(name, "nobody asks for a region's boundary", Reader.NOBODY) for name in _BOUNDARIES),
)


def chain_of(credentials: Credentials) -> tuple[str, ...]:
    """Give the accounts that are impersonated one after the other, beyond what the document says."""
    text = credentials.get(IMPERSONATE) or credentials.get(ACCOUNT_ANNOTATION)
    return tuple(part.strip() for part in text.split(",")) if text else ()


def _check(credentials: Credentials) -> None:
    holder = HOLDERS[credentials.source]
    if not all(map(EMAIL.fullmatch, chain_of(credentials))):
        name = ACCOUNT_ANNOTATION if credentials.account else IMPERSONATE
        raise CredentialsInvalid(
            f"{holder} has a {name} that is no e-mail address of a service account. Write NAME@PROJECT.iam."
            "gserviceaccount.com; a chain of several is separated by commas."
        )
    match credentials.source:
        case Source.SECRET:
            _check_secret(credentials)
        case Source.SERVICE_ACCOUNT:
            _check_account(credentials)
        case _:
            pass


def _check_secret(credentials: Credentials) -> None:
    if not credentials.get(DOCUMENT):
        raise CredentialsInvalid(
            f"The credentials Secret has no {DOCUMENT}. Put the JSON of a service account's key, or of a workload "
            "identity federation, there."
        )
    require_all_or_none(credentials, *AWS_KEYS)
    require_company(credentials, AWS_TOKEN, *AWS_KEYS)
    if credentials.get(SUBJECT_TOKEN) and credentials.get(AWS_KEYS[0]):
        raise CredentialsInvalid(
            f"The credentials Secret holds both {SUBJECT_TOKEN} and {AWS_KEYS[0]}. Give what the document's "
            "subject_token_type asks for."
        )


def _check_account(credentials: Credentials) -> None:
    provider, cluster = credentials.get(PROVIDER_ANNOTATION), credentials.get(CLUSTER)
    if provider and not PROVIDER.fullmatch(provider):
        raise CredentialsInvalid(
            f"The service account has a {PROVIDER_ANNOTATION} that is none. Write projects/NUMBER/locations/global/"
            "workloadIdentityPools/POOL/providers/PROVIDER."
        )
    if cluster and not _CLUSTER.fullmatch(cluster):
        raise CredentialsInvalid(
            f"{CLUSTER} of the operator's environment names no GKE cluster. Write projects/PROJECT/locations/LOCATION/"
            "clusters/CLUSTER."
        )


RULES: Final = Rules(
    variables=_VARIABLES,
    check=_check,
    annotations=(ACCOUNT_ANNOTATION, PROVIDER_ANNOTATION),
    facts=(CLUSTER, METADATA_HOST),
)
"""Of `gs://`."""
