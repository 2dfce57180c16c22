"""Keystone as one process: ``serve_keystone.py DIRECTORY PORT PASSWORD``, run by the servers' own Python.

A fresh database with the user `admin`, who has that password and the role `admin` on the project `admin`, and no
service but Keystone itself; everything else is made through the API. It listens on 127.0.0.1 and logs to stderr.
"""

import logging
import os
import socketserver
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

CONFIGURATION = """
[DEFAULT]
use_stderr = true
default_log_levels = keystone=WARNING,sqlalchemy=WARNING
[database]
connection = sqlite:///{directory}/keystone.db
[token]
provider = fernet
expiration = 86400
[fernet_tokens]
key_repository = {directory}/fernet
[fernet_receipts]
key_repository = {directory}/fernet
[credential]
key_repository = {directory}/credential
[auth]
methods = password,token,totp,application_credential
[identity]
password_hash_rounds = 4
[cache]
enabled = true
backend = oslo_cache.dict
"""
REGION = "RegionOne"


class Server(socketserver.ThreadingMixIn, WSGIServer):
    daemon_threads = True
    request_queue_size = 128


class Handler(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base's name)
        """Leave the access log out."""


def write_configuration(directory: Path) -> None:
    from cryptography.fernet import Fernet  # noqa: PLC0415 (of the servers' environment)

    for repository in ("fernet", "credential"):
        (directory / repository).mkdir(parents=True, mode=0o700)
        for number in range(2):
            key = directory / repository / str(number)
            key.touch(mode=0o600)
            key.write_bytes(Fernet.generate_key())
    (directory / "keystone.conf").write_text(CONFIGURATION.format(directory=directory))
    os.environ |= {"OS_KEYSTONE_CONFIG_DIR": str(directory), "OS_KEYSTONE_CONFIG_FILES": "keystone.conf"}


def make_application() -> Callable[..., Any]:
    """Give Keystone, which is asked one thing at a time: its cache in memory isn't made for threads."""
    from keystone.server.wsgi import initialize_public_application  # noqa: PLC0415 (reads the environment)

    sys.argv = ["keystone"]
    application, turn = initialize_public_application(), threading.Lock()

    def answer(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        with turn:
            return list(application(environ, start_response))

    return answer


def bootstrap(url: str, password: str) -> None:
    from keystone.cmd import bootstrap as command  # noqa: PLC0415 (needs the application)
    from keystone.common.sql import upgrades  # noqa: PLC0415

    upgrades.offline_sync_database_to_version()
    command.backends.load_backends = lambda: None  # the application has loaded and locked them
    bootstrapper = command.Bootstrapper()
    bootstrapper.admin_username = bootstrapper.project_name = bootstrapper.admin_role_name = "admin"
    bootstrapper.admin_password = password
    bootstrapper.service_name = "keystone"
    bootstrapper.region_id = REGION
    bootstrapper.public_url = bootstrapper.internal_url = bootstrapper.admin_url = url
    bootstrapper.immutable_roles = True
    bootstrapper.bootstrap()


def main() -> None:
    directory, port, password = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    write_configuration(directory)
    application = make_application()
    bootstrap(f"http://127.0.0.1:{port}/v3", password)
    logging.getLogger("wsgiref").setLevel(logging.ERROR)
    make_server("127.0.0.1", port, application, Server, Handler).serve_forever()


if __name__ == "__main__":
    main()
