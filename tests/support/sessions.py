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
from pathlib import Path

import pyte
from rich.console import Console
from rich.style import Style
from rich.text import Text
from tests.support.session_scripts import SCRIPTS, Line

from clusterstate.sandbox.data import CHECKOUT
from clusterstate.sandbox.s3server import S3Server

WIDTH, HEIGHT = 100, 200
"""Columns and lines of the terminal; no command here prints more."""
PICTURES = CHECKOUT / "docs" / "sessions"
PATIENCE = 60.0


@dataclass(frozen=True)
class Shown:
    """One command and what it printed."""

    line: Line
    code: int
    text: Text

    @property
    def expected(self) -> bool:
        return self.code == self.line.code


def play(lines: Sequence[Line], server: S3Server, folder: Path) -> Iterator[Shown]:
    """Run the commands one after the other in a folder, with the server's credentials."""
    environ = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(folder),
        "TERM": "xterm-256color",
        "S3_ENDPOINT": server.endpoint,
        "S3_REGION": server.region,
        "S3_ACCESS_KEY_ID": server.access_key,
        "S3_SECRET_ACCESS_KEY": server.secret_key,
    }
    for line in lines:
        code, printed = run(line.command, folder, environ)
        if not line.hidden:
            yield Shown(line, code, drawn(printed))
        else:
            assert code == line.code, f"{line.command}: {code}, {printed.decode(errors='replace')}"


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
    text = Text()
    for column in range(WIDTH):
        cell = screen.buffer[number][column]
        colour = None if cell.fg == "default" else {"brown": "yellow"}.get(cell.fg, cell.fg)
        text.append(cell.data, Style(color=_known(colour), bold=cell.bold))
    text.rstrip()
    return text


def _known(colour: str | None) -> str | None:
    """Give a colour as rich spells it: those beyond the first eight come as hex."""
    if colour is None:
        return None
    return f"#{colour}" if len(colour) == 6 and set(colour) <= set("0123456789abcdef") else colour


def picture(title: str, shown: Sequence[Shown]) -> str:
    """Give an SVG of a session."""
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    for each in shown:
        console.print(Text(f"$ {each.line.shown}", Style(bold=True)))
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
            folder = Path(directory, name)
            script.prepare(server, folder)
            shown = list(play(script.lines, server, folder))
            wrong = [f"{each.line.command}: {each.code}\n{each.text.plain}" for each in shown if not each.expected]
            assert not wrong, "\n".join(wrong)
            (PICTURES / f"{name}.svg").write_text(picture(script.title, shown))


if __name__ == "__main__":
    main()
