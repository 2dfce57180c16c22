"""The operator's image without any registry: a base that debootstrap makes, the build, and its root file system.

The base is Debian with its own Python. It is made once and kept beside the sandbox's programs, in a store of images
that builds only read.
"""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from clusterstate.sandbox.cache import Cache, Entry, default_root, to_stderr

ROOT = Path(__file__).parents[2]
TOOLS = ("buildah", "debootstrap", "unshare")
SUITE, PACKAGES = "bookworm", ("ca-certificates", "python3", "python3-venv")
BASE = "localhost/python"
ENTRY = Entry("the image's base", f"image-base-{SUITE}", "images", question=("images", "--quiet", BASE))
STORE = """#!/bin/sh
# Images that tests build on.
here=$(dirname "$(readlink -f "$0")")
exec buildah --storage-driver vfs --root "$here/store" --runroot "$here/run" "$@"
"""


def locked() -> dict[str, str]:
    """Give the version of each package that the image is to have, besides ours."""
    return dict(re.findall(r"^([\w.-]+)==([^\s;]+)", (ROOT / "requirements.txt").read_text(), re.MULTILINE))


def can_build() -> bool:
    """Tell whether this machine has what the suite needs."""
    return os.geteuid() == 0 and all(map(shutil.which, TOOLS))


def run(*command: str | Path, **more: Any) -> str:
    """Run a program that has to succeed; give what it prints."""
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False, **more)
    assert done.returncode == 0, f"{command}: {done.stdout[-2000:]}{done.stderr[-4000:]}"
    return done.stdout


def base_store() -> Path:
    """Give the folder of images that has the base; making it takes some minutes the first time."""
    return Cache(default_root(os.environ)).obtain(ENTRY, _make_base).parent / "store"


def _make_base(folder: Path) -> None:
    to_stderr("making the image's base with debootstrap: one to three minutes, once")
    program = folder / ENTRY.program
    program.write_text(STORE)
    program.chmod(0o755)
    root = folder / "root"
    run("debootstrap", "--variant=minbase", f"--include={','.join(PACKAGES)}", SUITE, root)
    container = run(program, "from", "scratch").strip()
    run("cp", "-a", f"{root}/.", run(program, "mount", container).strip())
    run(program, "commit", "--quiet", "--rm", "--timestamp", "0", container, BASE)
    shutil.rmtree(root)


@dataclass
class Image:
    """One build, in a store of its own."""

    directory: Path
    name: str = "localhost/clusterstate:test"

    @property
    def engine(self) -> tuple[str, ...]:
        own = ("--root", f"{self.directory}/store", "--runroot", f"{self.directory}/run")
        return ("buildah", "--storage-driver", "vfs", *own, "--storage-opt", f"vfs.imagestore={base_store()}")

    def build(self) -> None:
        """Build it as `make image` does."""
        environment = {**os.environ, "ENGINE": " ".join(self.engine), "SOURCE_DATE_EPOCH": "1577836800"}
        options = ("--isolation", "chroot", "--build-arg", f"PYTHON_IMAGE={BASE}")
        run(ROOT / "scripts" / "image.sh", self.name, *options, env=environment)

    @cached_property
    def description(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(run(*self.engine, "inspect", "--type", "image", self.name))
        return found

    @property
    def config(self) -> dict[str, Any]:
        """What the image says of its process."""
        found: dict[str, Any] = self.description["OCIv1"]["config"]
        return found

    @property
    def layers(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.description["Manifest"])["layers"]
        return found

    @contextmanager
    def mounted(self) -> Iterator[Path]:
        """Give its root file system."""
        container = run(*self.engine, "from", self.name).strip()
        try:
            yield Path(run(*self.engine, "mount", container).strip())
        finally:
            run(*self.engine, "rm", container)

    def remove(self) -> None:
        shutil.rmtree(self.directory)


POD = """
cd "$1" && mount --bind . . && cd "$1"
mount -t tmpfs tmpfs tmp && mount -t tmpfs tmpfs run && mount --rbind /dev dev && mount -t proc proc proc
mkdir -p run/secrets/kubernetes.io/serviceaccount && cp "$2"/* run/secrets/kubernetes.io/serviceaccount
mount -o remount,ro,bind . && mount -o remount,ro run
shift 2
nobody="--reuid=65532 --regid=65532 --clear-groups --bounding-set=-all --no-new-privs"
exec chroot . setpriv $nobody --pdeathsig=KILL "$@"
"""
"""As a kubelet starts a container by the chart: as nobody, with a root that can't be written and an empty /tmp."""


def pod_command(root: Path, account: Path, command: Sequence[str], environ: Mapping[str, str]) -> list[str]:
    """Give what starts a command of the image with its account's files, and with nothing of this environment."""
    variables = [f"{name}={value}" for name, value in environ.items()]
    shell = ["unshare", "--mount", "--propagation", "private", "sh", "-euc", POD, "sh"]
    return [*shell, str(root), str(account), "env", "-i", *variables, *command]
