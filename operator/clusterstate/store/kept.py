"""What is known of a guarantee that a service may give or not. Pure."""

from enum import Enum, auto


class Kept(Enum):
    """What is known of one kind of condition at one place."""

    UNKNOWN = auto()
    YES = auto()
    NO = auto()
