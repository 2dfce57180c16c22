"""Optional suites are left out with one line, and a skip is no success in CI."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = "from tests.support.suites import *\n"
INI = "[pytest]\nmarkers =\n    kops: a\n    soak: b\n"
TESTS = """
import pytest

def test_always(): pass

@pytest.mark.kops
def test_with_kops(): pass

@pytest.mark.soak
def test_long(): pass
"""


class Project:
    """A small project that uses the same hooks."""

    def __init__(self, folder: Path, root: Path) -> None:
        self.folder, self.root = folder, root
        self.bin = folder / "bin"
        self.bin.mkdir()
        (folder / "conftest.py").write_text(CONFTEST)
        (folder / "pytest.ini").write_text(INI)
        (folder / "test_some.py").write_text(TESTS)

    def run(self, *arguments: str, **environment: str) -> tuple[int, str]:
        """Run its tests; give the exit code and what a person sees."""
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments],
            cwd=self.folder,
            env={"PATH": str(self.bin), "PYTHONPATH": f"{self.root}:{self.root / 'operator'}", **environment},
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr


@pytest.fixture
def project(tmp_path: Path, pytestconfig: pytest.Config) -> Project:
    return Project(tmp_path, pytestconfig.rootpath)


def make_kops(folder: Path) -> Path:
    program = folder / "kops"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    return program


@pytest.mark.parametrize("workers", ["0", "2"])
def test_suites_are_left_out_with_one_line_each(project: Project, workers: str) -> None:
    code, shown = project.run("-n", workers)
    assert code == 0
    assert "1 passed" in shown
    assert "skipped" not in shown
    assert shown.count("kops: 1 tests left out: neither KOPS_BIN nor PATH has the real kops") == 1
    assert shown.count("soak: 1 tests left out") == 1


def test_kops_of_the_path_or_of_the_variable(project: Project, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    elsewhere = make_kops(tmp_path / "elsewhere")
    assert "2 passed" in project.run(KOPS_BIN=str(elsewhere))[1]
    assert "1 passed" in project.run(KOPS_BIN=str(elsewhere.with_name("missing")))[1]
    make_kops(project.bin)
    code, shown = project.run()
    assert (code, "2 passed" in shown, "kops:" in shown) == (0, True, False)


@pytest.mark.parametrize("arguments", [["--soak", "-k", "long"], ["-m", "soak"]])
def test_soak_is_asked_for(project: Project, arguments: list[str]) -> None:
    code, shown = project.run(*arguments)
    assert (code, "1 passed" in shown) == (0, True)


@pytest.mark.parametrize("workers", ["0", "2"])
def test_a_skip_fails_the_run_in_ci_only(project: Project, workers: str) -> None:
    (project.folder / "test_skip.py").write_text("import pytest\ndef test_skip(): pytest.skip('no reason')\n")
    assert project.run("-n", workers)[0] == 0
    code, shown = project.run("-n", workers, CI="true")
    assert (code, "a skipped test is a failed run" in shown) == (1, True)


def test_a_run_without_skips_passes_in_ci(project: Project) -> None:
    assert project.run(CI="true")[0] == 0


def test_the_users_environment_does_not_leak_in(project: Project) -> None:
    """PATH of these runs has nothing but the project's own folder: the judgement above is about that alone."""
    assert os.environ["PATH"] != str(project.bin)
    assert "kops: 1 tests" in project.run()[1]
