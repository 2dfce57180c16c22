"""What the node agent is told: which sets of files are made from which mirrors. One YAML file, checked whole. Pure."""

import stat
from collections import Counter
from collections.abc import Iterator
from itertools import permutations
from typing import Annotated, Final, TypeAlias

import msgspec
from msgspec import Meta

from clusterstate.api.basics import LONGEST_NAME, Declared, Duration, Name, tell_invalid
from clusterstate.api.durations import parse_duration
from clusterstate.api.spec import MirrorSpec
from clusterstate.errors import SpecInvalid
from clusterstate.kube.owner import Owner
from clusterstate.state import yaml

LONGEST_PATH: Final = 1024
LONGEST_PART: Final = 255
"""Bytes of one name, as Linux has it."""
RESERVED: Final = ".."
"""What no name at the top of a set begins with: the agent's own names do."""
NOBODY: Final = 2**32 - 1
"""The number that means no user at all."""

PASS_GROUP: Final = stat.S_IXGRP
PASS_OTHERS: Final = stat.S_IXOTH
"""Bits of a directory's mode."""

FileMode: TypeAlias = Annotated[str, Meta(pattern=r"^0[4-7][0-7]{2}\Z")]
DirectoryMode: TypeAlias = Annotated[str, Meta(pattern=r"^07[0-7]{2}\Z")]
Account: TypeAlias = Annotated[str, Meta(min_length=1, max_length=64)] | Annotated[int, Meta(ge=0, lt=NOBODY)]
"""A name that the machine knows (in a container: the container), or a number."""


class NodeFile(Declared, frozen=True, kw_only=True):
    """One file, from one key of one mirror."""

    path: Annotated[str, Meta(min_length=1, max_length=LONGEST_PATH)]
    """Below the set's directory."""
    secret: Name
    """The mirror: name of the Secret."""
    key: Annotated[str, Meta(pattern=r"^[-._a-zA-Z0-9]+\Z", max_length=LONGEST_NAME)]
    """Key of its data."""
    mode: FileMode = "0600"
    owner: Account | None = None
    """None: who runs the agent."""
    group: Account | None = None
    """None: the group of who runs the agent."""

    @property
    def permissions(self) -> int:
        """The mode as a number."""
        return int(self.mode, 8)

    @property
    def parts(self) -> tuple[str, ...]:
        """The names that the path consists of."""
        return tuple(self.path.split("/"))


class FileSet(Declared, frozen=True, kw_only=True):
    """Files that change together, in a directory of theirs."""

    directory: Annotated[str, Meta(min_length=2, max_length=LONGEST_PATH)]
    """Absolute. It is made where it is missing, what it lies in is not."""
    directory_mode: DirectoryMode = "0700"
    """Of what is made: the directory itself, and those that the files lie in."""
    files: Annotated[tuple[NodeFile, ...], Meta(min_length=1, max_length=256)]
    reload: Annotated[tuple[Annotated[str, Meta(min_length=1)], ...], Meta(max_length=64)] = ()
    """Program and arguments, run after each change; no shell. Empty: nothing is run."""
    reload_timeout: Duration = "1m"
    trusted: bool = False
    """Whether whoever else may write to the directory, or on the way to it, is trusted: of a Pod's own volumes."""
    remove_missing: bool = False
    """Whether files go whose mirror is gone. Else the last good set stays."""

    @property
    def secrets(self) -> frozenset[str]:
        """Names of the mirrors that the files come from."""
        return frozenset(each.secret for each in self.files)

    @property
    def tops(self) -> frozenset[str]:
        """Names that readers find in the directory."""
        return frozenset(each.parts[0] for each in self.files)

    @property
    def permissions(self) -> int:
        """The mode of directories as a number."""
        return int(self.directory_mode, 8)


class Configuration(Declared, frozen=True, kw_only=True):
    """All that one agent does."""

    namespace: Name | None = None
    """Of the mirrors. None: the Pod's own, or that of the kubeconfig's context."""
    interval: Duration = "10m"
    """How often files are compared with their mirrors though nothing is known to have changed, and stores are read."""
    sets: Annotated[tuple[FileSet, ...], Meta(min_length=1, max_length=64)]
    cluster_state: Name | None = None
    """Name of the ClusterState whose mirrors these are. Only for reading a store."""
    cluster_name: Name | None = None
    """Name of the kops cluster. None: that of the ClusterState. Only for reading a store."""
    mirror: MirrorSpec | None = None
    """`spec.mirror` of the ClusterState. Only for reading a store."""

    @property
    def secrets(self) -> tuple[str, ...]:
        """Names of all mirrors that are needed, in order."""
        return tuple(sorted({name for each in self.sets for name in each.secrets}))


def load_configuration(data: bytes, name: str) -> Configuration:
    """Read a configuration from the bytes of a file; raise `SpecInvalid` or `MalformedFile` naming file and field."""
    try:
        configuration = msgspec.convert(yaml.load(data, name), Configuration)
    except msgspec.ValidationError as error:
        found = tell_invalid(error, "the file")
        raise SpecInvalid(f"{name}: {found} Correct the field; docs/node-agent.md has them all.") from None
    for problem in _problems(configuration):
        raise SpecInvalid(f"{name}: {problem}")
    return configuration


def require_source(configuration: Configuration, name: str, namespace: str) -> tuple[Owner, str, MirrorSpec]:
    """Give what it takes to make mirrors from a store: ClusterState, cluster name, rules. Raises `SpecInvalid`.

    The namespace is where the mirrors would be.
    """
    state, mirror = configuration.cluster_state, configuration.mirror
    if state is None or mirror is None:
        raise SpecInvalid(
            f"{name}: {'mirror' if state else 'clusterState'}: To read a store, it must be given as the ClusterState "
            "has it: mirrors get their names from it."
        )
    if mirror.immutable:
        raise SpecInvalid(
            f"{name}: mirror.immutable: Each content of an immutable mirror has a name of its own, which no file can "
            "name. Leave it out."
        )
    return Owner(namespace, state, ""), configuration.cluster_name or state, mirror


def _problems(configuration: Configuration) -> Iterator[str]:
    if parse_duration(configuration.interval).total_seconds() < 1:
        yield "interval: Give at least 1s."
    for number, each in enumerate(configuration.sets):
        where = f"sets[{number}]"
        if not each.directory.startswith("/") or _odd(each.directory[1:]):
            yield (
                f"{where}.directory: {each.directory!r} is no absolute path without '.', '..', double slashes and a "
                "slash at its end. Correct it."
            )
        yield from _path_problems(each, where)
        yield from _mode_problems(each, where)
    for directory in _repeated(each.directory for each in configuration.sets):
        yield f"sets: {directory} is the directory of two sets. Put their files into one, or give each its own."
    for outer, inner in permutations(configuration.sets, 2):
        rest = inner.directory.removeprefix(f"{outer.directory}/")
        if rest != inner.directory and (rest.startswith(RESERVED) or rest.partition("/")[0] in outer.tops):
            yield f"sets: {inner.directory} is what the set in {outer.directory} makes. Choose another directory."


def _path_problems(files: FileSet, where: str) -> Iterator[str]:
    for number, each in enumerate(files.files):
        if _odd(each.path) or each.path.startswith(RESERVED):
            yield (
                f"{where}.files[{number}].path: {each.path!r} is no path below a directory without '.', '..' and "
                "double slashes, or begins with '..', as the agent's own names do. Correct it."
            )
    for path in _repeated(each.path for each in files.files):
        yield f"{where}.files: {path} stands there twice. Leave one out."
    folders = {"/".join(each.parts[:end]) for each in files.files for end in range(1, len(each.parts))}
    for each in files.files:
        if each.path in folders:
            yield f"{where}.files: {each.path} is a file and a directory at once. Rename one."


def _mode_problems(files: FileSet, where: str) -> Iterator[str]:
    """Tell of files that somebody may use who can't pass the directories that are made for them."""
    for number, each in enumerate(files.files):
        who, needed = _widest(each, PASS_GROUP | PASS_OTHERS if files.trusted else PASS_OTHERS)
        if who and not files.permissions & needed:
            yield (
                f"{where}.files[{number}]: {each.path} is for {who}, who can't pass directories of mode "
                f"{files.directory_mode}. Give the set a directoryMode such as '0711', or leave the file to who runs "
                "the agent."
            )


def _widest(each: NodeFile, others: int) -> tuple[str, int]:
    """Give who has most to do with a file besides root, and what bits of a directory any of which lets them pass.

    `others` are those for who isn't of the directories' group, which in a volume of a Pod may be any.
    """
    if each.permissions & stat.S_IRWXO:
        return "others", others
    if each.permissions & stat.S_IRWXG:
        return "its group", others if _is_foreign(each.group) else PASS_GROUP | PASS_OTHERS
    return ("its owner", PASS_GROUP | PASS_OTHERS) if _is_foreign(each.owner) else ("", 0)


def _is_foreign(account: Account | None) -> bool:
    return account not in {None, 0, "0", "root"}


def _odd(path: str) -> bool:
    """Whether a relative path is anything but plain names with single slashes between."""
    parts = path.split("/")
    return not path.isprintable() or any(
        part in {"", ".", ".."} or len(part.encode("utf-8", "replace")) > LONGEST_PART for part in parts
    )


def _repeated(texts: Iterator[str]) -> list[str]:
    return [text for text, times in Counter(texts).items() if times > 1]
