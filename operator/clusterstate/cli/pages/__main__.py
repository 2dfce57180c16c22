"""Writes the pages into `docs/`, or with `--check` tells whether those there are what the code says.

Run in the project's folder: `python -m clusterstate.cli.pages [--check] [FOLDER]`.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from clusterstate.api.pages import render_fields
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
    pages = {options.folder / name: page for name, page in _pages()}
    old = [file for file, page in pages.items() if not _holds(file, page)]
    for file in old:
        if options.check:
            sys.stderr.write(f"{file} is not what the code says: run `make pages`.\n")
        else:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(pages[file], encoding="utf-8")
    return int(options.check and bool(old))


def _pages() -> Iterator[tuple[str, str]]:
    book = Book.of(commands)
    yield "cli.md", render_markdown(book)
    yield "clusterstate.1", render_manual(book)
    for name, page in render_fields().items():
        yield f"fields/{name}", page


def _holds(file: Path, page: str) -> bool:
    return file.exists() and file.read_text(encoding="utf-8") == page


if __name__ == "__main__":
    sys.exit(main())
