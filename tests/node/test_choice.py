"""A set is whole or stays as it is; what goes with its mirror goes only where that was asked for."""

from collections.abc import Mapping

import msgspec
import pytest

from clusterstate.errors import FilesNotWritten
from clusterstate.node.choice import Found, Gone, Knowledge, Unknown, choose_files
from clusterstate.node.config import FileSet

CA, PAIR = Found({"ca.crt": b"ca"}), Found({"tls.crt": b"crt", "tls.key": b"key", "more": b""})


def files(*, remove: bool = False) -> FileSet:
    names = {"ca.crt": "ca", "tls.crt": "pair", "tls.key": "pair"}
    return msgspec.convert(
        {
            "directory": "/pki",
            "files": [{"path": key, "secret": secret, "key": key} for key, secret in names.items()],
            "removeMissing": remove,
        },
        FileSet,
    )


def chosen(known: Mapping[str, Knowledge], *, remove: bool = False, present: bool = True) -> dict[str, bytes]:
    return {each.path: data for each, data in choose_files(files(remove=remove), known, present=present).items()}


@pytest.mark.parametrize("present", [True, False])
def test_a_whole_set_is_chosen(*, present: bool) -> None:
    assert chosen({"ca": CA, "pair": PAIR}, present=present) == {"ca.crt": b"ca", "tls.crt": b"crt", "tls.key": b"key"}


@pytest.mark.parametrize("remove", [True, False])
@pytest.mark.parametrize("half", [Found({"tls.crt": b"crt"}), Unknown("nobody knows")])
def test_half_a_set_stays(half: Knowledge, *, remove: bool) -> None:
    with pytest.raises(FilesNotWritten, match=r"^/pki stays as it is: ") as caught:
        chosen({"ca": CA, "pair": half}, remove=remove)
    assert "b'" not in repr(caught.value)


def test_a_mirror_that_is_gone_leaves_the_set() -> None:
    with pytest.raises(FilesNotWritten, match="Secret pair isn't there"):
        chosen({"ca": CA, "pair": Gone()})


def test_files_go_with_their_mirror_where_asked() -> None:
    assert chosen({"ca": CA, "pair": Gone()}, remove=True) == {"ca.crt": b"ca"}
    assert chosen({"ca": Gone(), "pair": Gone()}, remove=True) == {}


def test_what_was_never_there_does_not_go() -> None:
    with pytest.raises(FilesNotWritten, match="Secret pair isn't there"):
        chosen({"ca": CA, "pair": Gone()}, remove=True, present=False)


def test_no_byte_is_shown() -> None:
    assert "crt" not in repr(Found({"x": b"crt"}))
