"""What messages take over from a service: nothing secret, nothing long, on one line."""

import pytest

from clusterstate.errors import AccessDenied, StoreError, StoreRefused
from clusterstate.store.failures import Request, make_error
from clusterstate.store.texts import LONGEST

SECRET = "canary-token"
HOSTILE = f"{SECRET}@x\x1b[31m\n" + "y" * 3_000_000


@pytest.mark.parametrize("kind", [AccessDenied, StoreRefused])
def test_no_word_of_a_service_is_secret_or_long(kind: type[StoreError]) -> None:
    request = Request(
        "GetObject",
        "s3://acme",
        "config",
        "https://acme.example",
        permission=HOSTILE,
        principal=lambda: HOSTILE,
        secrets=(SECRET,),
    )
    message = make_error(kind, request, HOSTILE, HOSTILE).message
    assert SECRET not in message
    assert message.isprintable()
    assert len(message) < 5 * LONGEST
