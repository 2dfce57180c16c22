"""Writes the CRD into `crds/` and into the chart, or with `--check` tells whether those there are the model's.

Run in the project's folder: `python -m clusterstate.api [--check] [FOLDER…]`.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from clusterstate.api.annotations import GROUP
from clusterstate.api.crd import render_crd
from clusterstate.api.types import PLURAL

FOLDERS = (Path("crds"), Path("charts/clusterstate/files"))


def main(arguments: Sequence[str] | None = None) -> int:
    """Give the exit code: 0, or 1 when a file checked is another one."""
    parser = argparse.ArgumentParser(prog="python -m clusterstate.api", description="Writes the CRD.")
    parser.add_argument("folders", nargs="*", type=Path, default=FOLDERS, help="where it is (default: crds, the chart)")
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a file is out of date")
    options = parser.parse_args(arguments)
    crd = render_crd()
    files = [folder / f"{GROUP}_{PLURAL}.yaml" for folder in options.folders]
    if not options.check:
        for file in files:
            file.write_text(crd, encoding="utf-8")
        return 0
    outdated = [file for file in files if not file.exists() or file.read_text(encoding="utf-8") != crd]
    for file in outdated:
        sys.stderr.write(f"{file} is not what the model makes: run `make crds`.\n")
    return 1 if outdated else 0


if __name__ == "__main__":
    sys.exit(main())
