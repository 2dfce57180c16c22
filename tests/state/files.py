"""The golden stores: files that the real kops wrote."""

from pathlib import Path

DATA = Path(__file__).parents[1] / "data"
STATES = (
    DATA / "kops-store" / "minimal.example.com",
    DATA / "kops-store" / "complex.example.com",
    DATA / "kops-store-updated" / "minimal.example.com",
)
FILES = tuple(
    (state, path.relative_to(state).as_posix()) for state in STATES for path in state.rglob("*") if path.is_file()
)


def read(state: int, key: str) -> bytes:
    """Give one file of one of the states."""
    return (STATES[state] / key).read_bytes()
