"""The documents as a site, and what must hold for them to read alike there and in the repository.

`python -m tests.support.site` builds the site into `.cache/site/html` from a copy of the pages, and fails for a link
that leads nowhere, a page that the navigation leaves out, and a page that the site's Markdown reads in another way.
"""

import re
import shutil
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from functools import cache
from itertools import pairwise, zip_longest
from pathlib import Path
from typing import Any, Final

from markdown_it import MarkdownIt
from markdown_it.token import Token

from clusterstate.sandbox.data import CHECKOUT

SITE: Final = CHECKOUT / ".cache" / "site"
PAGES: Final = SITE / "pages"
CONFIG: Final = CHECKOUT / "docs" / "zensical.toml"
PARTS: Final = ("docs", "examples", "README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "LICENSE")
"""What is on the site: pages, and what they lead to."""
TAGS: Final = re.compile(r"</?(?:h[1-4]|ul|ol|li|table|td|pre|code|em|strong)\b")
"""Tags that a page has in the same order on the site and in the repository."""
MARKDOWN: Final = MarkdownIt("commonmark").enable("table")


def main() -> int:
    """Give the exit code: 0, or 1 when anything is wrong."""
    _copy()
    command = [str(Path(sys.executable).with_name("zensical")), "build", "--strict"]
    if subprocess.run(command, cwd=SITE, check=False).returncode:
        return 1
    pages = sorted(path.relative_to(PAGES) for path in PAGES.rglob("*.md"))
    faults = [*unlisted(pages), *(fault for page in pages for fault in (*broken_links(page), *read_otherwise(page)))]
    sys.stderr.writelines(f"{fault}\n" for fault in faults)
    return int(bool(faults))


def _copy() -> None:
    """Copy the pages; in code in a row of a table GitHub wants `\\|`, the site `|`."""
    shutil.rmtree(SITE, ignore_errors=True)
    PAGES.mkdir(parents=True)
    for part in PARTS:
        copy = shutil.copytree if (CHECKOUT / part).is_dir() else shutil.copyfile
        copy(CHECKOUT / part, PAGES / part)
    shutil.move(PAGES / "docs" / CONFIG.name, SITE)
    for page in PAGES.rglob("*.md"):
        lines = page.read_text().split("\n")
        page.write_text("\n".join(_row(line) if line.lstrip().startswith("|") else line for line in lines))


def _row(line: str) -> str:
    return re.sub(r"`[^`]*`", lambda code: code[0].replace(r"\|", "|"), line)


def unlisted(pages: list[Path]) -> Iterator[str]:
    """Give pages that the navigation leaves out, and what it names that isn't there or stands twice."""
    named = Counter(_named(tomllib.loads(CONFIG.read_text())["project"]["nav"]))
    there = {str(page) for page in pages if page.parts[0] != "examples"}
    yield from (f"{CONFIG.name}: nav leaves out {page}" for page in sorted(there - named.keys()))
    yield from (f"{CONFIG.name}: nav names {page}, which isn't there" for page in sorted(named.keys() - there))
    yield from (f"{CONFIG.name}: nav names {page} twice" for page, times in named.items() if times > 1)


def _named(nav: Any) -> Iterator[str]:
    match nav:
        case str():
            yield nav
        case dict():
            yield from _named([*nav.values()])
        case _:
            for each in nav:
                yield from _named(each)


def broken_links(page: Path) -> Iterator[str]:
    """Give links of a page that lead nowhere in the repository: files, pictures, and headings as GitHub names them."""
    for link in _links(page):
        path, _, anchor = link.partition("#")
        target = (CHECKOUT / page.parent / path).resolve() if path else CHECKOUT / page
        if re.match(r"\w+:", link):
            continue
        if not any(target.is_relative_to(CHECKOUT / part) for part in PARTS) or not target.exists():
            yield f"{page}: {link} leads nowhere"
        elif anchor and anchor not in _anchors(target):
            yield f"{page}: {link}: no such heading"


def _links(page: Path) -> Iterator[str]:
    for token in _tokens(CHECKOUT / page):
        for each in token.children or ():
            yield from (str(each.attrs[name]) for name in ("href", "src") if name in each.attrs)


@cache
def _anchors(page: Path) -> set[str]:
    tokens = _tokens(page)
    heads = [text.content for head, text in pairwise(tokens) if head.type == "heading_open"]
    return {re.sub(r"[^\w\- ]", "", re.sub(r"\]\([^)]*\)", "", head)).lower().replace(" ", "-") for head in heads}


def _tokens(page: Path) -> list[Token]:
    return MARKDOWN.parse(page.read_text())


def read_otherwise(page: Path) -> Iterator[str]:
    """Give where the site first reads a page in another way than GitHub: lists, tables, code, headings, stress."""
    folder = page.parent if page.name == "README.md" else page.with_suffix("")
    built = (SITE / "html" / folder / "index.html").read_text()
    ours = TAGS.findall(built[built.index("<article") : built.index("</article>")])
    theirs = TAGS.findall(MARKDOWN.render((CHECKOUT / page).read_text()))
    for number, (our, their) in enumerate(zip_longest(ours, theirs)):
        if our != their:
            heading = sum(tag.startswith("<h") for tag in theirs[:number])
            yield f"{page}: below heading {heading} the site has {our}>, GitHub {their}>; indent by four spaces?"
            return


if __name__ == "__main__":
    sys.exit(main())
