"""The drawing of the architecture: the layers as import-linter keeps them, and the steps of a run.

`python -m tests.support.drawing` writes `docs/architecture.svg` anew. Rows and boxes come from `pyproject.toml`, the
numbers from the docstring of the package; what lies outside is said here.
"""

import re
import tomllib
from collections.abc import Iterator
from typing import Final, NamedTuple

import clusterstate
from clusterstate.sandbox.data import CHECKOUT

PICTURE: Final = CHECKOUT / "docs" / "architecture.svg"
WIDTH: Final = 960
LEFT, RIGHT = 190, 770
"""Where the layers begin and end."""
TOP, ROW, GAP = 20, 40, 8
OUTSIDE: Final = 150
"""Width of what lies outside."""
INDENT: Final = 10
"""How far a name goes aside for the number before it."""
STYLE: Final = """
text { font: 14px sans-serif; fill: #1c2733; text-anchor: middle; dominant-baseline: central }
.note { font-size: 12px; fill: #51606e }
.number { font-weight: bold; fill: #fff }
rect { fill: #fff; stroke: #7a8894; rx: 4px }
.step { fill: #e3f0fb; stroke: #2a6fb0 }
.outside { fill: #fdf3df; stroke: #b98a2c }
circle { fill: #2a6fb0 }
line { stroke: #51606e; stroke-width: 1.5; marker-end: url(#tip) }
.both { marker-start: url(#tip) }
"""
TIP: Final = (
    '<marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto-start-reverse">'
    '<path d="M0 0L8 4L0 8z" fill="#51606e"/></marker>'
)


class Box(NamedTuple):
    """A named box by its corner and size."""

    name: str
    x: int
    y: int
    width: int
    height: int = ROW - GAP
    kind: str = ""
    note: str = ""

    @property
    def middle(self) -> int:
        """Half of its height, from the top of the drawing."""
        return self.y + self.height // 2


def layers() -> list[list[str]]:
    """Give the rooms of each layer, the highest first."""
    contracts = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    rows = next(each["layers"] for each in contracts if each["type"] == "layers")
    return [row.split(" | ") for row in rows if row != "__main__"]


def steps() -> dict[str, int]:
    """Give the number of each step that `reconcile` takes."""
    rooms = re.findall(r"^ {6}(\w+) ", clusterstate.__doc__ or "", re.MULTILINE)
    return {room: number for number, room in enumerate(rooms, start=1)}


def draw() -> str:
    """Give the drawing as SVG, the same for the same layers and steps."""
    boxes = {box.name: box for box in _rooms()}
    height = TOP + ROW * len(layers()) + TOP
    parts = [*map(_box, boxes.values()), *_outside(boxes), *_numbers(boxes)]
    return "\n".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">',
            "<title>The layers of the operator, and what they talk to</title>",
            f"<style>{STYLE}</style>",
            f"<defs>{TIP}</defs>",
            f'<rect width="{WIDTH}" height="{height}" style="fill: #f6f8fa; stroke: none"/>',
            *parts,
            "</svg>\n",
        )
    )


def _rooms() -> Iterator[Box]:
    for index, rooms in enumerate(layers()):
        width = (RIGHT - LEFT - GAP * (len(rooms) - 1)) // len(rooms)
        for place, room in enumerate(rooms):
            kind = "step" if room in steps() or room == "reconcile" else ""
            yield Box(room, LEFT + place * (width + GAP), TOP + index * ROW, width, kind=kind)


def _outside(boxes: dict[str, Box]) -> Iterator[str]:
    handlers, kube, store = (boxes[name] for name in ("handlers", "kube", "store"))
    far = WIDTH - GAP - OUTSIDE
    tall = kube.y - handlers.y + kube.height
    people = Box("kubectl, GitOps", GAP, GAP, OUTSIDE, kind="outside")
    api = Box("Kubernetes API", GAP, handlers.y, OUTSIDE, tall, "outside", "ClusterStates, Secrets")
    files = Box("state store", far, store.y - ROW, OUTSIDE, 2 * ROW + store.height, "outside", "files of a cluster")
    kops = Box("kops, nodes", far, handlers.y, OUTSIDE, kind="outside")
    yield from map(_box, (people, api, files, kops))
    yield _line(GAP + OUTSIDE // 2, people.y + people.height, GAP + OUTSIDE // 2, api.y)
    yield _line(far + OUTSIDE // 2, kops.y + kops.height, far + OUTSIDE // 2, files.y, "both")
    yield _line(GAP + OUTSIDE, handlers.middle, LEFT, handlers.middle)
    yield _line(GAP + OUTSIDE, kube.middle, LEFT, kube.middle, "both")
    yield _line(RIGHT, store.middle, far, store.middle, "both")


def _numbers(boxes: dict[str, Box]) -> Iterator[str]:
    for room, number in steps().items():
        x, y = boxes[room].x + 14, boxes[room].middle
        yield f'<circle cx="{x}" cy="{y}" r="10"/><text class="number" x="{x}" y="{y}">{number}</text>'


def _box(box: Box) -> str:
    x, y = box.x + box.width // 2 + (INDENT if box.name in steps() else 0), box.middle
    kind = f' class="{box.kind}"' if box.kind else ""
    note = f'<text class="note" x="{x}" y="{y + 20}">{box.note}</text>' if box.note else ""
    return (
        f'<rect{kind} x="{box.x}" y="{box.y}" width="{box.width}" height="{box.height}"/>'
        f'<text x="{x}" y="{y}">{box.name}</text>{note}'
    )


def _line(x1: int, y1: int, x2: int, y2: int, kind: str = "") -> str:
    both = f' class="{kind}"' if kind else ""
    return f'<line{both} x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}"/>'


if __name__ == "__main__":
    PICTURE.write_text(draw())
