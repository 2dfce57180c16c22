"""Texts of strangers, made harmless."""


def printable(text: str) -> str:
    """Give a text that does nothing to a terminal: names in a store are anybody's."""
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)
