"""How far apart the answers to what others do again and again are: at once at first, then at a growing distance."""

from dataclasses import dataclass

PEACE = 60.0
"""Seconds without a foreign change after which an answer is at once again; also the longest wait for one."""
FREE_ANSWERS = 10
"""Answers at once, however short after each other: an object may have many mirrors, and refer to many Secrets."""
MOST_DOUBLINGS = 16


@dataclass
class Distance:
    """What is remembered of the changes of one sort."""

    answers: int = 0
    """Those in short succession."""
    last: float = 0.0
    """When the newest of them is given: peace begins then."""

    def delay(self, now: float) -> float:
        """Give the seconds until the answer to a change that was just seen; one that is coming answers this too."""
        if now < self.last:
            return self.last - now
        self.answers = self.answers + 1 if now - self.last < PEACE else 0
        hurried = self.answers - FREE_ANSWERS
        delay = min(float(2 ** min(hurried, MOST_DOUBLINGS)), PEACE) if hurried > 0 else 0.0
        self.last = now + delay
        return delay
