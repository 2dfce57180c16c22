"""The pages are what the commands say, cover all of them, and can be read by `man`."""

import shutil
import subprocess
from pathlib import Path

import click
import pytest

from clusterstate.cli.main import commands
from clusterstate.cli.pages.__main__ import main
from clusterstate.cli.pages.known_as import KNOWN_AS
from clusterstate.cli.pages.manual import render_manual
from clusterstate.cli.pages.markdown import render_markdown
from clusterstate.cli.pages.walk import Book

DOCS = Path(__file__).parents[2] / "docs"
BOOK = Book.of(commands)


def test_the_pages_are_up_to_date(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--check", str(DOCS)]) == 0, capsys.readouterr().err
    assert main([str(tmp_path)]) == 0
    (tmp_path / "cli.md").write_text("older")
    assert main(["--check", str(tmp_path)]) == 1
    assert capsys.readouterr().err == f"{tmp_path}/cli.md is not what the code says: run `make pages`.\n"


def test_every_command_says_what_people_know_it_as() -> None:
    assert {entry.name for entry in BOOK.entries if not entry.group} - {*KNOWN_AS} == set()


def test_every_command_has_help_and_examples_that_are_its_own() -> None:
    for entry in BOOK.entries:
        assert entry.paragraphs, entry.name
        assert entry.examples, entry.name
        assert any(entry.path[0] in line.split() for line in entry.examples), entry.name


def test_links_lead_somewhere() -> None:
    page = render_markdown(BOOK)
    anchors = {line.lstrip("# ").lower().replace(" ", "-") for line in page.splitlines() if line.startswith("#")}
    targets = {part.partition(")")[0] for part in page.split("](")[1:]}
    assert {each for each in targets if not (DOCS / each.partition("#")[0]).exists()} == set()
    assert {each[1:] for each in targets if each.startswith("#")} <= anchors


def test_what_would_be_markup_is_text() -> None:
    """A program of words that both languages would take for their own."""
    program = click.Group("clusterstate", help="Does it.")
    text = ".start <b>*x*</b> C:\\new [y] 'z'"
    program.add_command(click.Command("odd", help=text, params=[click.Option(["--a"], help="'.b' | c")]))
    book = Book.of(program)
    assert r".start \<b\>\*x\*\</b\> C:\new \[y\] 'z'" in render_markdown(book)
    assert r"| `--a TEXT` | '.b' \| c |" in render_markdown(book)
    manual = render_manual(book)
    assert "\n\\&.start <b>*x*</b> C:\\enew [y] \\(aqz\\(aq\n" in manual
    assert "\n\\(aq.b\\(aq | c\n" in manual


def test_man_has_nothing_to_complain_of() -> None:
    manual = render_manual(BOOK)
    lines = manual.splitlines()
    assert [line.split(maxsplit=1)[1] for line in lines if line.startswith(".SH ")][:3] == [
        "NAME",
        "SYNOPSIS",
        "DESCRIPTION",
    ]
    known = (".TH", ".SH", ".SS", ".PP", ".TP", ".RS", ".RE", ".EX", ".EE", ".B", ".I", ".BR", '.\\"')
    assert {line.split()[0] for line in lines if line.startswith((".", "'"))} <= {*known}
    assert manual.isascii()
    if shutil.which("groff"):
        command = ["groff", "-man", "-ww", "-Tutf8"]
        done = subprocess.run(command, input=manual, capture_output=True, text=True, timeout=60, check=False)
        assert (done.returncode, done.stderr) == (0, "")
