"""The operator's policy, from the file that `CLUSTERSTATE_POLICY` names."""

from pathlib import Path

from clusterstate.errors import SpecInvalid
from clusterstate.policy import OWN_CREDENTIALS, Policy, load_policy


def read_policy(path: str) -> Policy:
    """Read it; without a path give what holds then.

    Raises `SpecInvalid` or `MalformedFile`, which name the place.
    """
    if not path:
        return OWN_CREDENTIALS
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise SpecInvalid(
            f"The policy {path}, which CLUSTERSTATE_POLICY names, can't be read: {error.strerror}. Name another."
        ) from None
    return load_policy(data, path)
