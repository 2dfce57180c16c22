"""The list of what people confirm, read and told."""

import pytest

from clusterstate.plan.rolled import Annotation, confirmations, is_confirmed


@pytest.mark.parametrize(
    ("value", "what", "expected"),
    [
        ("", "7", False),
        ("7", "7", True),
        (" 8 ,7, ", "7", True),
        ("77", "7", False),
        ("7/promoted", "7", False),
        ("7", "7/promoted", False),
        ("7,s3://a/b#3", "s3://a/b#3", True),
        ("7,s3://a,b/c#3", "s3://a,b/c#3", True),
        ("7,s3://a/b#31", "s3://a/b#3", False),
    ],
)
def test_what_is_confirmed(value: str, what: str, *, expected: bool) -> None:
    assert is_confirmed(value, what) is expected


def test_the_command_keeps_what_is_confirmed_and_nothing_that_a_shell_would_run() -> None:
    value = "7, s3://a/b#3,$(rm),`x`,8;rm,7,9'"
    assert confirmations(value)[:2] == ("7", "s3://a/b#3")
    start = "kubectl annotate --overwrite -n clusters clusterstate/prod clusterstate.dev/rolled="
    annotation = Annotation("clusters", "prod", value)
    assert annotation.command(["5"]) == f"{start}7,s3://a/b#3,5"
    assert annotation.command(["7", "6"]) == f"{start}s3://a/b#3,7,6"
    assert annotation.command([], without={"7"}) == f"{start}s3://a/b#3"


def test_a_command_that_would_be_too_long_is_another_one() -> None:
    annotation = Annotation("clusters", "prod", ",".join(f"s3://a/{number}#1" for number in range(99)))
    told = annotation.command(["5"], without=["4"])
    assert told == "kubectl edit -n clusters clusterstate/prod # clusterstate.dev/rolled with 5 without 4"
