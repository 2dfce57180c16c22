"""Certificates and keys of a kubeconfig, in memory instead of in files that a crash would leave behind.

The Kubernetes client and TLS take them by a file's name only. So the client writes what a kubeconfig holds inline into
the folder for temporary files, and removes that when the interpreter ends in good order. Here those files become ones
that have no name on any disk and are gone with the process, however it ends.
"""

import os
from pathlib import Path
from typing import Final

from kubernetes.aio.client import Configuration
from kubernetes.aio.config import kube_config

IN_MEMORY: Final = "/proc/self/fd/"
PATHS: Final = ("ssl_ca_cert", "cert_file", "key_file")


def keep_in_memory(configuration: Configuration) -> None:
    """Take the files that the client made for this configuration from the disk, and let go of those of others."""
    files: dict[str, str] = kube_config._temp_files  # noqa: SLF001 - where it looks before it makes one
    used = {name: getattr(configuration, name) for name in PATHS}
    for content, path in list(files.items()):
        if path not in used.values():
            _drop(files.pop(content))
        elif not path.startswith(IN_MEMORY):
            files[content] = _moved(path)
            for name in (name for name in PATHS if used[name] == path):
                setattr(configuration, name, files[content])


def _moved(path: str) -> str:
    descriptor = os.memfd_create("kubeconfig")
    with os.fdopen(os.dup(descriptor), "wb") as file:
        file.write(Path(path).read_bytes())
    Path(path).unlink()
    return f"{IN_MEMORY}{descriptor}"


def _drop(path: str) -> None:
    if path.startswith(IN_MEMORY):
        os.close(int(path.removeprefix(IN_MEMORY)))
    else:
        Path(path).unlink(missing_ok=True)
