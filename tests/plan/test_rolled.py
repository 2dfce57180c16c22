"""The list of what people confirm, read and told."""

import pytest

from clusterstate.plan.rolled import confirm_command, confirmations, is_confirmed


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
    start = "kubectl annotate --overwrite clusterstate/prod clusterstate.dev/rolled="
    assert confirm_command("prod", value, "5") == f"{start}7,s3://a/b#3,5"
    assert confirm_command("prod", value, "7") == f"{start}s3://a/b#3,7"
    assert confirm_command("prod", value, "", without={"7"}) == f"{start}s3://a/b#3"
