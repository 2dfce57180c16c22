"""The operator's policy, from the file that `CLUSTERSTATE_POLICY` names."""

import logging
from pathlib import Path

from clusterstate.errors import SpecInvalid
from clusterstate.policy import OWN_CREDENTIALS, Policy, load_policy

log = logging.getLogger(__name__)


def read_policy(path: str) -> Policy:
    """Read it; without a path give what holds then, and say so: whoever misspells the variable has none.

    Raises `SpecInvalid` or `MalformedFile`, which name the place.
    """
    if not path:
        log.info("there is no policy: every namespace may use any store with credentials of its own")
        return OWN_CREDENTIALS
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise SpecInvalid(
            f"The policy {path}, which CLUSTERSTATE_POLICY names, can't be read: {error.strerror}. Name another."
        ) from None
    policy = load_policy(data, path)
    log.info("the policy %s has %d rules", path, len(policy.rules))
    return policy
