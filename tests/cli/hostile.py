"""Run with Python: hands every command many wrong command lines, in this one process, and prints what went wrong.

The command lines are made from click's tree by a seed, so that commands that come later are tried too. It writes
below the folder that it is run in, where each command finds the same store, and below the one above.
"""

import io
import itertools
import json
import random
import re
import shlex
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from clusterstate.cli.commands.layout import Command
from clusterstate.cli.exits import FAILED
from clusterstate.cli.main import commands, main
from clusterstate.cli.manners import MANNERS, Volume

TRIES = 15
"""For each command."""
ENDLESS = {"run", "demo", "node-agent"}
"""What would go on, or start servers, where the command line is right by chance."""
KEPT = Path("../../kept")
"""The store as each command finds it."""
CLUSTER = "complex.example.com"
VALUES = [
    "", " ", "-", "--", "--wings", "-Z", "prod", "prod.example.com", "a/b/c", "..", "missing.yaml", "folder", "file",
    "file://store", "file://", "memfs://store", "://", "s3://", "k8s://nowhere", "k8s:///", "ftp://a/b", "git:HEAD:x",
    "\udcff", "\x1b[31m", "é\u202e", "a" * 5000, "-1", "0", "1e999", "99999999999999999999", "5m", "1s", "{}", "[",
    "!!python/object:os.system", "*", "all", "=", "a=", "spec.x=1", "spec..x=", "json", "name", "wide",
]  # fmt: skip


def leaves(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Give every command below one, groups too, with what is typed for it."""
    yield path, command
    if isinstance(command, click.Group):
        for name, each in command.commands.items():
            yield from leaves(each, (*path, name))


def line(path: tuple[str, ...], command: click.Command, luck: random.Random) -> list[str]:
    """Make up what follows a command's name: from nothing, or of what is nearly right."""
    examples = command.examples if isinstance(command, Command) else []
    return spoil(luck.choice(examples), path, luck) if examples and luck.random() < 0.5 else invent(command, luck)


def spoil(example: str, path: tuple[str, ...], luck: random.Random) -> list[str]:
    """Give an example as it is, or with a word more, less or another, on a store and files that are here."""
    words = shlex.split(example, comments=True)
    words = [*itertools.takewhile(lambda word: word not in {"|", ">", ">>", "<"}, words)][1 + len(path) :]
    words = [re.sub(r"^[a-z0-9]+://.*", f"file://{Path.cwd()}/store", word) for word in words]
    words = [re.sub("prod.example.com", CLUSTER, word.lstrip("/")) for word in words]
    for _ in range(luck.choice((0, 1, 1, 2))):
        place = luck.randrange(len(words) + 1)
        words[place : place + luck.randrange(2)] = luck.sample([*VALUES, "--yes", "--dry-run"], luck.randrange(2))
    return words


def invent(command: click.Command, luck: random.Random) -> list[str]:
    """Make up options and arguments."""
    words: list[str] = []
    options = [each for each in command.params if isinstance(each, click.Option)]
    for option in luck.sample(options, min(len(options), luck.randrange(4))):
        words.append(luck.choice([*option.opts, *option.secondary_opts]))
        if not option.is_flag:
            fits = isinstance(option.type, click.Choice) and luck.random() < 0.7
            words.append(luck.choice([*option.type.choices]) if fits else luck.choice(VALUES))
    for _ in range(luck.choice((0, 1, 1, 1, 2, 3))):
        words.insert(luck.randrange(len(words) + 1), luck.choice(VALUES))
    return words


@contextmanager
def captured() -> Iterator[tuple[io.BytesIO, io.BytesIO]]:
    """Have what is printed, and what is said."""
    printed, said, streams = io.BytesIO(), io.BytesIO(), (sys.stdout, sys.stderr)
    sys.stdout = io.TextIOWrapper(printed, "utf-8", "backslashreplace", write_through=True)
    sys.stderr = io.TextIOWrapper(said, "utf-8", "backslashreplace", write_through=True)
    try:
        yield printed, said
    finally:
        sys.stdout.detach()
        sys.stderr.detach()
        sys.stdout, sys.stderr = streams


def attempt(words: list[str]) -> tuple[int, str, str]:
    """Run one command line as the installed program would."""
    sys.argv = ["clusterstate", *words]
    MANNERS.volume, MANNERS.debug, MANNERS.trouble = Volume.USUAL, False, FAILED
    with captured() as (printed, said):
        code = main()
        return code, printed.getvalue().decode(), said.getvalue().decode()


def judge(words: list[str], code: int, printed: str, said: str) -> str:
    """Give what is wrong with such an end, empty where it is as it should be."""
    if code not in {0, 1, 2, 130}:
        return f"ends with {code}"
    if re.search("Traceback|this is a bug|Exception ignored|was never awaited|Warning:", said):
        return "is told as a bug"
    errors = len(re.findall("^clusterstate: ", said, re.MULTILINE))
    if code == 2 and errors != 1 and not said.startswith("Usage: ") and not {"-v", "--verbose"} & {*words}:
        return "isn't one error in words"
    if code and not (said or printed):
        return "says nothing"
    return ""


def wrong(luck: random.Random) -> Iterator[dict[str, object]]:
    """Try everything; give each command line that ended as it should not."""
    for path, command in leaves(commands):
        shutil.rmtree("store", ignore_errors=True)
        shutil.copytree(KEPT, "store")
        for _ in range(TRIES):
            words = [*path, *line(path, command, luck), *(["--wings"] if path and path[0] in ENDLESS else [])]
            if not path and not words:
                continue
            code, printed, said = attempt(words)
            what = judge(words, code, printed, said)
            if what:
                yield {"words": words, "code": code, "what": what, "printed": printed[-500:], "said": said[-2000:]}


if __name__ == "__main__":
    json.dump([*wrong(random.Random(sys.argv[1]))], sys.stdout)
