"""Writes the CRD into `crds/`, or with `--check` tells whether the one there is the model's.

Run in the project's folder: `python -m clusterstate.api [--check] [FOLDER]`.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from clusterstate.api.annotations import GROUP
from clusterstate.api.crd import render_crd
from clusterstate.api.types import PLURAL


def main(arguments: Sequence[str] | None = None) -> int:
    """Give the exit code: 0, or 1 when the file checked is another one."""
    parser = argparse.ArgumentParser(prog="python -m clusterstate.api", description="Writes the CRD.")
    parser.add_argument("folder", nargs="?", type=Path, default=Path("crds"), help="where it is (default: crds)")
    parser.add_argument("--check", action="store_true", help="write nothing; fail if the file is out of date")
    options = parser.parse_args(arguments)
    file: Path = options.folder / f"{GROUP}_{PLURAL}.yaml"
    crd = render_crd()
    if not options.check:
        file.write_text(crd, encoding="utf-8")
        return 0
    if file.exists() and file.read_text(encoding="utf-8") == crd:
        return 0
    sys.stderr.write(f"{file} is not what the model makes: run `make crds`.\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
