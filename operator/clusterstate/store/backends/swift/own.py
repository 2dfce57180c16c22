"""The operator's own files, read where its own credentials count: kops's INI file, and `clouds.yaml` by the SDK.

Read anew whenever a store is opened, so that a changed file makes another client. Blocks.
"""

import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from clusterstate.errors import CredentialsInvalid
from clusterstate.store.backends.swift.config import NOTHING, Own
from clusterstate.store.backends.swift.files import INI, LARGEST
from clusterstate.store.backends.swift.identity import find_cloud
from clusterstate.store.backends.swift.who import SdkCloud
from clusterstate.store.credentials import Credentials

HOME_FILE: Final = ".openstack/config"
"""Where kops looks below `$HOME` (util/pkg/vfs/swiftfs.go)."""
_SECRETS: Final = ("password", "passcode", "secret", "token", "key", "code", "assertion")
"""What is in the names of fields that hold secrets, whatever way to authenticate they belong to."""


def read_own(credentials: Credentials) -> Own:
    """Give what the operator's files say; raise `CredentialsInvalid` for one that is named and can't be read."""
    if credentials.explicit:
        return NOTHING
    if name := credentials.get("OS_CLOUD"):
        return _read_cloud(name)
    if path := credentials.get(INI):
        return Own(ini=_read(Path(path)))
    home = credentials.get("HOME")
    default = Path(home, HOME_FILE)
    return Own(ini=_read(default)) if home and default.is_file() else NOTHING


def _read(path: Path) -> str:
    try:
        with path.open(encoding="utf-8") as file:
            return file.read(LARGEST + 1)
    except (OSError, UnicodeDecodeError):
        raise CredentialsInvalid(f"The file {path} can't be read. Correct it, or {INI}.") from None


def _read_cloud(name: str) -> Own:
    cloud = find_cloud(name)
    said = json.dumps(cloud.config, sort_keys=True, default=str)
    return Own(
        cloud=SdkCloud(name, sha256(said.encode()).hexdigest(), _secrets(cloud.config.get("auth") or {})),
        region=cloud.config.get("region_name") or "",
        interface=cloud.config.get("interface") or "",
    )


def _secrets(auth: Mapping[str, Any]) -> tuple[str, ...]:
    """Give the values that no text may show. Numbers are sent as texts."""
    return tuple(
        str(value)
        for name, value in sorted(auth.items())
        if isinstance(value, str | int) and str(value) and any(word in name.lower() for word in _SECRETS)
    )
