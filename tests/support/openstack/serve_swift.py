"""Swift as one process: ``serve_swift.py DIRECTORY CONFIGURATION``, run by the servers' own Python.

Account, container and object server and two proxies in one eventlet loop, one copy of each file, on 127.0.0.1:
one proxy asks Keystone who somebody is, the other has users of its own (v1 authentication, "tempauth"). In place
of memcached there is a dictionary. CONFIGURATION is JSON with the fields of `Configuration`.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import eventlet

eventlet.monkey_patch()

import eventlet.wsgi  # noqa: E402 (patched first)
from swift.common import storage_policy, utils  # noqa: E402
from swift.common.http_protocol import SwiftHttpProtocol  # noqa: E402
from swift.common.ring.builder import RingBuilder  # noqa: E402
from swift.common.wsgi import loadapp  # noqa: E402

KINDS = ("account", "container", "object")
SWIFT = """
[swift-hash]
swift_hash_path_prefix = prefix
swift_hash_path_suffix = suffix
[storage-policy:0]
name = Policy-0
default = yes
"""
STORAGE = """
[DEFAULT]
swift_dir = {directory}/etc
devices = {directory}/devices
mount_check = false
disable_fallocate = true
log_level = WARNING
[pipeline:main]
pipeline = {kind}-server
[app:{kind}-server]
use = egg:swift#{kind}
"""
PROXY = """
[DEFAULT]
swift_dir = {directory}/etc
log_level = WARNING
[pipeline:main]
pipeline = catch_errors gatekeeper cache listing_formats {filters} quotas copy slo dlo versioned_writes proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:gatekeeper]
use = egg:swift#gatekeeper
[filter:cache]
paste.filter_factory = serve_swift:remembering
[filter:listing_formats]
use = egg:swift#listing_formats
[filter:quotas]
use = egg:swift#container_quotas
[filter:copy]
use = egg:swift#copy
[filter:slo]
use = egg:swift#slo
[filter:dlo]
use = egg:swift#dlo
[filter:versioned_writes]
use = egg:swift#versioned_writes
allow_versioned_writes = true
"""
KEYSTONE = """
[filter:authtoken]
paste.filter_factory = keystonemiddleware.auth_token:filter_factory
www_authenticate_uri = {identity}
auth_url = {identity}
auth_type = password
project_domain_id = default
user_domain_id = default
project_name = service
username = swift
password = {service_password}
delay_auth_decision = true
cache = swift.cache
token_cache_time = 1
[filter:keystoneauth]
use = egg:swift#keystoneauth
operator_roles = swiftoperator
"""
TEMPAUTH = """
[filter:tempauth]
use = egg:swift#tempauth
reseller_prefix = TEMP
token_life = 3600
{users}
"""


@dataclass(frozen=True)
class Configuration:
    """What a run of the servers is told."""

    port: int
    """Of the proxy that asks Keystone."""
    legacy_port: int
    """Of the other proxy."""
    identity: str
    """URL of Keystone, with its version."""
    service_password: str
    """Of the user `swift`, which Keystone knows in the project `service`."""
    users: tuple[str, ...]
    """Lines of tempauth, such as `user_ACCOUNT_NAME = PASSWORD .admin`."""


class Memory:
    """What stands in for memcached: all proxies are here."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[Any, float]] = {}

    def get(self, key: str, raise_on_error: bool = False) -> Any:  # noqa: FBT001, FBT002, ARG002 (as in Swift)
        value, end = self._kept.get(key, (None, 0))
        if end and end < time.time():
            del self._kept[key]
            return None
        return value

    def set(self, key: str, value: Any, time: float = 0, **_: Any) -> None:
        """Keep a value for so many seconds, 0 is for ever."""
        self._kept[key] = (value, time and _now() + time)

    def incr(self, key: str, delta: int = 1, time: float = 0) -> int:
        number = int(self.get(key) or 0) + delta
        self.set(key, number, time=time)
        return number

    def delete(self, key: str, server_key: str | None = None) -> None:
        del server_key
        self._kept.pop(key, None)

    def set_multi(self, mapping: dict[str, Any], server_key: str, time: float = 0, **_: Any) -> None:
        del server_key
        for key, value in mapping.items():
            self.set(key, value, time=time)

    def get_multi(self, keys: Iterable[str], server_key: str) -> list[Any]:
        del server_key
        return [self.get(key) for key in keys]


class Protocol(SwiftHttpProtocol):
    def log_request(self, *_: object) -> None:
        """Leave the access log out."""

    def get_environ(self) -> dict[str, Any]:
        """Believe whoever stands before it that the way there is TLS: tempauth tells where files are by that."""
        environ: dict[str, Any] = super().get_environ()
        return environ | {"wsgi.url_scheme": environ.get("HTTP_X_FORWARDED_PROTO", "http")}


def _now() -> float:
    return time.time()


MEMORY = Memory()


def remembering(_: dict[str, str], **__: str) -> Callable[[Any], Any]:
    """Give the filter that lends every request the memory."""

    def wrap(application: Any) -> Any:
        def call(environ: dict[str, Any], start_response: Any) -> Any:
            environ["swift.cache"] = MEMORY
            return application(environ, start_response)

        return call

    return wrap


def prepare(directory: Path) -> None:
    """Make the folders and the settings that all servers share."""
    for folder in ("etc", "devices/d1"):
        (directory / folder).mkdir(parents=True)
    (directory / "etc" / "swift.conf").write_text(SWIFT)
    utils.HASH_PATH_PREFIX, utils.HASH_PATH_SUFFIX = b"prefix", b"suffix"
    utils.set_swift_dir(str(directory / "etc"))
    storage_policy.reload_storage_policies()
    # Nothing here outlives the run, so that nothing has to survive a power failure.
    os.fsync = os.fdatasync = utils.fsync = utils.fdatasync = lambda _: None


def make_ring(directory: Path, kind: str, port: int) -> None:
    """Write where the one copy of everything is."""
    builder = RingBuilder(3, 1, 0)
    address = {"ip": "127.0.0.1", "port": port, "replication_ip": "127.0.0.1", "replication_port": port}
    builder.add_dev({"id": 0, "region": 1, "zone": 1, "device": "d1", "weight": 1, "meta": "", **address})
    builder.rebalance()
    builder.get_ring().save(f"{directory}/etc/{kind}.ring.gz")


def serve(file: Path, text: str, socket: Any, pool: eventlet.GreenPool) -> None:
    """Let an application of that configuration answer at a socket."""
    file.write_text(text)
    application = loadapp(str(file), global_conf={})
    eventlet.spawn(
        eventlet.wsgi.server, socket, application, protocol=Protocol, custom_pool=pool, log_output=False, keepalive=True
    )


def main() -> None:
    directory, told = Path(sys.argv[1]), Configuration(**json.loads(sys.argv[2]))
    sys.modules["serve_swift"] = sys.modules["__main__"]
    prepare(directory)
    pool = eventlet.GreenPool(2000)
    sockets = {kind: eventlet.listen(("127.0.0.1", 0)) for kind in KINDS}
    for kind, socket in sockets.items():
        make_ring(directory, kind, socket.getsockname()[1])
    for kind, socket in sockets.items():
        text = STORAGE.format(directory=directory, kind=kind)
        serve(directory / "etc" / f"{kind}-server.conf", text, socket, pool)
    keystone = KEYSTONE.format(identity=told.identity, service_password=told.service_password)
    tempauth = TEMPAUTH.format(users="\n".join(told.users))
    proxies = ((told.port, "authtoken keystoneauth", keystone), (told.legacy_port, "tempauth", tempauth))
    for port, filters, section in proxies:
        text = PROXY.format(directory=directory, filters=filters) + section
        listening = eventlet.listen(("127.0.0.1", port), backlog=256)
        serve(directory / "etc" / f"proxy-{port}.conf", text, listening, pool)
    while True:
        eventlet.sleep(3600)


if __name__ == "__main__":
    main()
