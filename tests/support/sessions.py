"""Sessions at a terminal for the documents: commands that are really run, as pictures of what they print.

`python -m tests.support.sessions` writes `docs/sessions/*.svg` anew. Each command gets a terminal of its own, so that
it shows colours and progress as it does to a person; what stands on the terminal at its end is drawn.
"""

import fcntl
import io
import os
import struct
import subprocess
import sys
import tempfile
import termios
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import pyte
from rich.console import Console
from rich.style import Style
from rich.text import Text

from clusterstate.sandbox.data import CHECKOUT
from clusterstate.sandbox.s3server import S3Server
from tests.support.session_scripts import SCRIPTS, Line, Script

WIDTH, HEIGHT = 110, 100
"""Columns and lines of the terminal; no command here prints more."""
PICTURES = CHECKOUT / "docs" / "sessions"
PATIENCE = 60.0
NAMES = {"brown": "yellow", **{name: name for name in ("black", "red", "green", "blue", "magenta", "cyan", "white")}}
"""Colours as pyte calls them."""


@dataclass(frozen=True)
class Shown:
    """One command and what it printed."""

    line: Line
    code: int
    text: Text


def play(script: Script, server: S3Server, folder: Path) -> list[Shown]:
    """Run the commands one after the other in a folder, with the server's credentials."""
    environ = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(folder),
        "TERM": "xterm-256color",
        "KOPS_STATE_STORE": script.store,
        **server.variables,
    }
    script.prepare(server, folder)
    played = ((line, *run(line.command, folder, environ)) for line in script.lines)
    shown = [Shown(line, code, drawn(printed.replace(bytes(folder), b"/home/me"))) for line, code, printed in played]
    wrong = [f"{each.line.command}: {each.code}\n{each.text.plain}" for each in shown if each.code != each.line.code]
    assert not wrong, "\n".join(wrong)
    return shown


def run(command: str, folder: Path, environ: dict[str, str]) -> tuple[int, bytes]:
    """Run one command at a terminal; give its exit code and what it wrote there."""
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", HEIGHT, WIDTH, 0, 0))
    child = subprocess.Popen(
        ["bash", "-c", command], cwd=folder, env=environ, stdin=theirs, stdout=theirs, stderr=theirs, close_fds=True
    )
    os.close(theirs)
    printed = b"".join(_parts(ours))
    os.close(ours)
    return child.wait(PATIENCE), printed


def _parts(terminal: int) -> Iterator[bytes]:
    while True:
        try:
            part = os.read(terminal, 65536)
        except OSError:  # Linux says so once nobody has the other side any more
            return
        if not part:
            return
        yield part


def drawn(printed: bytes) -> Text:
    """Give what stands on a terminal after that, in its colours."""
    screen = pyte.Screen(WIDTH, HEIGHT)
    pyte.ByteStream(screen).feed(printed)
    rows = [_row(screen, number) for number in range(HEIGHT)]
    while rows and not rows[-1].plain:
        rows.pop()
    return Text("\n").join(rows)


def _row(screen: pyte.Screen, number: int) -> Text:
    text, cells = Text(), [screen.buffer[number][column] for column in range(WIDTH)]
    for style, run_of in groupby(cells, _style):
        text.append("".join(cell.data for cell in run_of), style)
    text.rstrip()
    return text


def _style(cell: pyte.screens.Char) -> Style:
    """Give a style as rich spells it: colours beyond the first eight come as hex."""
    if cell.fg == "default":
        return Style(bold=cell.bold)
    colour = NAMES.get(cell.fg, f"#{cell.fg}")
    return Style(color=colour, bold=cell.bold)


def picture(title: str, shown: Sequence[Shown]) -> str:
    """Give an SVG of a session."""
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    for each in shown:
        console.print(Text(f"$ {each.line.command}", Style(bold=True)))
        if each.text.plain:
            console.print(each.text)
    return console.export_svg(title=title, unique_id=f"session-{title.split(maxsplit=1)[0]}")


def main() -> None:
    """Write all pictures."""
    PICTURES.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="clusterstate-") as directory,
        S3Server.start(Path(directory, "s3")) as server,
    ):
        for name, script in SCRIPTS.items():
            shown = play(script, server, Path(directory, name))
            (PICTURES / f"{name}.svg").write_text(picture(script.title, shown))


if __name__ == "__main__":
    main()
