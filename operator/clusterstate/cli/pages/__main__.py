"""Writes the pages into `docs/`, or with `--check` tells whether those there are the commands' own.

Run in the project's folder: `python -m clusterstate.cli.pages [--check] [FOLDER]`.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from clusterstate.cli.main import commands
from clusterstate.cli.pages.manual import render_manual
from clusterstate.cli.pages.markdown import render_markdown
from clusterstate.cli.pages.walk import Book


def main(arguments: Sequence[str] | None = None) -> int:
    """Give the exit code: 0, or 1 when a page checked is another one."""
    parser = argparse.ArgumentParser(prog="python -m clusterstate.cli.pages", description="Writes the pages.")
    parser.add_argument("folder", nargs="?", type=Path, default=Path("docs"), help="where they are (default: docs)")
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a page is out of date")
    options = parser.parse_args(arguments)
    book = Book.of(commands)
    pages = {"cli.md": render_markdown(book), "clusterstate.1": render_manual(book)}
    old = [name for name, page in pages.items() if not _holds(options.folder / name, page)]
    for name in old:
        if options.check:
            sys.stderr.write(f"{options.folder / name} is not what the commands say: run `make pages`.\n")
        else:
            (options.folder / name).write_text(pages[name], encoding="utf-8")
    return int(options.check and bool(old))


def _holds(file: Path, page: str) -> bool:
    return file.exists() and file.read_text(encoding="utf-8") == page


if __name__ == "__main__":
    sys.exit(main())
