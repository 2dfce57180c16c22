"""Files as a tree, with sizes. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from clusterstate.cli.sizes import count_of, size_of


@dataclass(slots=True)
class Branch:
    """A folder."""

    folders: dict[str, "Branch"] = field(default_factory=dict)
    files: dict[str, int] = field(default_factory=dict)
    """Bytes by name."""
    count: int = 0
    """Files in it, and in the folders below."""
    size: int = 0
    """Their bytes."""


def grow(files: Iterable[tuple[str, int]]) -> Branch:
    """Make a tree of keys and sizes in bytes."""
    root = Branch()
    for key, size in files:
        *folders, name = key.split("/")
        at = root
        _count(at, size)
        for folder in folders:
            at = at.folders.setdefault(folder, Branch())
            _count(at, size)
        at.files[name] = size
    return root


def _count(branch: Branch, size: int) -> None:
    branch.count += 1
    branch.size += size


def lines_of(root: Branch) -> list[str]:
    """Give a line for each file and folder; sizes stand below each other. A folder that nobody listed has none."""
    rows = [*_rows(root, "")]
    width = max((len(name) for name, _ in rows), default=0)
    return [f"{name:<{width}}   {size}".rstrip() for name, size in rows]


def _rows(branch: Branch, lead: str) -> Iterator[tuple[str, str]]:
    names = sorted([*branch.files, *(f"{name}/" for name in branch.folders)])
    for place, name in enumerate(names, 1):
        last = place == len(names)
        head = lead + ("└── " if last else "├── ") + name
        if name in branch.files:
            yield head, size_of(branch.files[name])
            continue
        below = branch.folders[name.removesuffix("/")]
        yield head, f"{count_of(below.count, 'file')}, {size_of(below.size)}" if below.count else ""
        yield from _rows(below, lead + ("    " if last else "│   "))
