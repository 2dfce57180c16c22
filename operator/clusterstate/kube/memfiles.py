"""Certificates and keys of a kubeconfig, in memory instead of in files that a crash would leave behind.

The Kubernetes client and TLS take them by a file's name only, and the client writes what a kubeconfig holds inline into
the folder for temporary files. Here it is given names of files that are on no disk and gone with the process, however
it ends. Where the system has no such files (it isn't Linux) the client's own ways stay.
"""

import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Final

from kubernetes.aio.client import Configuration
from kubernetes.aio.config import kube_config

IN_MEMORY: Final = "/proc/self/fd/"
PATHS: Final = ("ssl_ca_cert", "cert_file", "key_file")
_MADE: Final[dict[bytes, str]] = {}
"""Names of files by what they hold, as the client itself remembers them: who reads a kubeconfig again needs no more."""


@contextmanager
def in_memory(configuration: Configuration) -> Iterator[None]:
    """Have the client make files in memory where it reads a kubeconfig, and let go of those of earlier ones then."""
    if hasattr(os, "memfd_create"):
        kube_config._create_temp_file_with_content = _make  # noqa: SLF001 - the one place where it makes files
    try:
        yield
    finally:
        _let_go({getattr(configuration, name) for name in PATHS})


def _make(content: str | bytes, *_: object) -> str:
    data = content.encode() if isinstance(content, str) else content
    if data not in _MADE:
        descriptor = os.memfd_create("kubeconfig")
        with os.fdopen(os.dup(descriptor), "wb") as file:
            file.write(data)
        _MADE[data] = f"{IN_MEMORY}{descriptor}"
    return _MADE[data]


def _let_go(used: Collection[object]) -> None:
    for data, path in list(_MADE.items()):
        if path not in used:
            os.close(int(path.removeprefix(IN_MEMORY)))
            del _MADE[data]
