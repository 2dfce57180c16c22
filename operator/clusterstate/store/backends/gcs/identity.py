"""Who asks Google, for the SDK: a key, an exchange or the SDK's own chain, and the accounts impersonated from there.

Each is built from checked parts, so that with explicit credentials the SDK sees nothing of the operator's environment:
no variable, file, metadata service or client certificate.
"""

from typing import Any, Final, assert_never

import google.auth
import requests
from google.auth import aws, crypt, identity_pool, impersonated_credentials
from google.auth.credentials import AnonymousCredentials, Credentials, with_scopes_if_required
from google.auth.exceptions import GoogleAuthError
from google.auth.transport.requests import Request as ChainRequest
from google.oauth2 import service_account

from clusterstate.errors import AuthenticationFailed, CredentialsInvalid
from clusterstate.store.backends.gcs.config import AccountToken, AwsKeys, ClientInputs, Exchange, GivenToken, Own
from clusterstate.store.backends.gcs.keyfile import UNIVERSE, Key
from clusterstate.store.backends.gcs.rules import DOCUMENT
from clusterstate.store.sessions import wired
from clusterstate.store.wire import Wire

SCOPES: Final = ("https://www.googleapis.com/auth/devstorage.full_control",)
"""As kops has it (util/pkg/vfs/context.go); access control lists need all of it."""
_MACHINE: Final = "default"
"""How the SDK calls a machine's account until its first token tells its name."""
_UNKNOWN: Final = "the environment's identity"


class _Token(identity_pool.SubjectTokenSupplier):
    """Gives the SDK what it exchanges."""

    def __init__(self, subject: GivenToken | AccountToken) -> None:
        self._subject = subject

    def get_subject_token(self, context: object, request: object) -> str:
        del context, request
        if isinstance(self._subject, GivenToken):
            return self._subject.token
        return self._subject.issuer.issue(self._subject.audience)


class _Aws(aws.AwsSecurityCredentialsSupplier):
    """Gives the SDK the keys that it signs with."""

    def __init__(self, keys: AwsKeys) -> None:
        self._keys = keys

    def get_aws_security_credentials(self, context: object, request: object) -> aws.AwsSecurityCredentials:
        del context, request
        return aws.AwsSecurityCredentials(self._keys.access_key, self._keys.secret_key, self._keys.token or None)

    def get_aws_region(self, context: object, request: object) -> str:
        del context, request
        return self._keys.region


class Identity:
    """Who asks; safe to use from many threads once `credentials` has been called."""

    def __init__(self, inputs: ClientInputs) -> None:
        """Raise `CredentialsInvalid` for a key that is none; the SDK's chain isn't asked yet, which may take long."""
        self._inputs = inputs
        self._source = None if inputs.who is Own.CHAIN else _make_source(inputs)
        self._credentials: Credentials | None = None

    def credentials(self) -> Credentials:
        """Give the SDK's credentials; raise `AuthenticationFailed` where the chain finds nothing."""
        if self._source is None:
            self._source = _make_source(self._inputs)
        if self._credentials is None:
            self._credentials = _impersonating(self._inputs, self._source)
        return self._credentials

    def forget(self) -> None:
        """Have all made anew, with no token left: impersonated ones keep their source's, which may be worth nothing."""
        self._source = self._credentials = None

    @property
    def source(self) -> str:
        """The name of who asks before anybody is impersonated, as Google's policies have it."""
        who = self._inputs.who
        if isinstance(who, Key):
            return who.email
        if isinstance(who, Exchange):
            return _name_exchanged(who)
        email = getattr(self._source, "service_account_email", None)
        return email if email and email != _MACHINE else _UNKNOWN

    @property
    def principal(self) -> str:
        """The name of who asks for files."""
        return self._inputs.accounts[-1] if self._inputs.accounts else self.source


def _impersonating(inputs: ClientInputs, source: Credentials) -> Credentials:
    if not inputs.accounts:
        return source
    *delegates, target = inputs.accounts
    url = inputs.accounts_url or f"https://iamcredentials.{inputs.universe}/v1/projects/-/serviceAccounts/"
    return impersonated_credentials.Credentials(
        source,
        target_principal=target,
        target_scopes=list(SCOPES),
        delegates=[f"projects/-/serviceAccounts/{account}" for account in delegates],
        iam_endpoint_override=f"{url}{target}:generateAccessToken",
        **({"lifetime": inputs.lifetime} if inputs.lifetime else {}),
    )


def _make_source(inputs: ClientInputs) -> Credentials:
    match inputs.who:
        case Key() as key:
            return _key_credentials(key, inputs.universe)
        case Exchange() as exchange:
            return _exchange_credentials(exchange, inputs.universe)
        case Own.NOBODY:
            return AnonymousCredentials()
        case Own.CHAIN:
            return _find_chain(inputs.wire)
        case _ as never:
            assert_never(never)


def _key_credentials(key: Key, universe: str) -> Credentials:
    try:
        signer = crypt.RSASigner.from_string(key.private_key, key.key_id or None)
    except (ValueError, TypeError, GoogleAuthError):
        raise CredentialsInvalid(
            f"The private_key in {DOCUMENT} of the credentials Secret is no RSA key in PEM. Download the key again."
        ) from None
    return service_account.Credentials(signer, key.email, key.token_url, scopes=list(SCOPES), universe_domain=universe)


def _exchange_credentials(exchange: Exchange, universe: str) -> Credentials:
    federation = exchange.federation
    common: dict[str, Any] = {
        "audience": federation.audience,
        "subject_token_type": federation.token_type,
        "token_url": federation.token_url,
        "scopes": list(SCOPES),
        "universe_domain": universe,
    }
    if isinstance(exchange.subject, AwsKeys):
        return aws.Credentials(aws_security_credentials_supplier=_Aws(exchange.subject), **common)
    return identity_pool.Credentials(subject_token_supplier=_Token(exchange.subject), **common)


def _find_chain(wire: Wire) -> Credentials:
    request = ChainRequest(wired(requests.Session(), wire))
    try:
        found, _ = google.auth.default(request=request)  # with scopes it would ask for the project's name too
    except GoogleAuthError as error:
        raise AuthenticationFailed(
            f"The environment has no credentials for Google ({type(error).__name__}). Set "
            "credentialsSecretRef, or have application default credentials set up for the operator."
        ) from None
    scoped: Credentials = with_scopes_if_required(found, SCOPES)
    return scoped


def _name_exchanged(exchange: Exchange) -> str:
    """Give the name by which Google's policies know whose token was exchanged."""
    if not isinstance(exchange.subject, AccountToken):
        return f"principalSet://{exchange.federation.pool}/*"
    account, pool = exchange.subject.account, exchange.subject.audience
    if exchange.federation.audience == pool:
        subject = f"system:serviceaccount:{account.namespace}:{account.name}"
        return f"principal://{exchange.federation.pool}/subject/{subject}"
    return (
        f"principal://iam.{UNIVERSE}/projects/PROJECT_NUMBER/locations/global/workloadIdentityPools/{pool}/subject/ns/"
        f"{account.namespace}/sa/{account.name}"
    )
