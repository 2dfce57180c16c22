"""What every service's expectations have in common, whatever of them the service keeps itself."""

from collections.abc import Mapping

import pytest

from clusterstate.errors import LostRace
from clusterstate.store.base import ABSENT, Blob
from clusterstate.store.buckets import Expectations


def check_one_after_another(keeper: Expectations, files: Mapping[str, Blob]) -> None:
    """Let writers take turns in an empty bucket, whose files these are: each is told of those before."""
    first = keeper.write("file", b"one", ABSENT)
    with pytest.raises(LostRace):
        keeper.write("file", b"two", ABSENT)
    second = keeper.write("file", b"two", first)
    for _ in range(2):
        with pytest.raises(LostRace):
            keeper.write("file", b"three", first)
        with pytest.raises(LostRace):
            keeper.delete("file", first)
        with pytest.raises(LostRace):
            keeper.delete("file", ABSENT)
    with pytest.raises(LostRace):
        keeper.write("missing", b"x", first)
    third = keeper.write("file", b"three", second)
    assert files == {"file": Blob(b"three", third)}
    keeper.delete("file", third)
    keeper.delete("file", third)
    assert files == {}
