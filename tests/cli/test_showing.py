"""Plans are shown with everything but private keys."""

import json

from clusterstate.cli.review.plans import ClusterPlan, plans_as_markdown
from clusterstate.cli.showing import change_json, change_lines, difference_json
from clusterstate.plan.changes import Action, Change, Difference, FieldChange, Plan

CANARY = "canary-of-a-key"
KEY = f"-----BEGIN EC PRIVATE KEY-----\n{CANARY}\n-----END EC PRIVATE KEY-----\n"


def test_a_private_key_in_a_document_is_never_shown() -> None:
    pointer = "/spec/fileAssets/name=tls"
    asset = FieldChange(pointer, Action.CREATE, None, {"name": "tls", "content": KEY})
    change = Change("config", Action.UPDATE, (asset, FieldChange(f"{pointer}/content", Action.UPDATE, "a", KEY)))
    conflict = Difference("config", f"{pointer}/content", KEY, "b")
    plan = Plan((change,), conflicts=(conflict,))
    texts = [
        "\n".join(text for text, _ in change_lines(plan)),
        json.dumps([change_json(change), difference_json(conflict)]),
        plans_as_markdown([ClusterPlan("prod", "s3://store/prod", plan, 1)], "a", "b"),
    ]
    for text in texts:
        assert CANARY not in text
        assert text.count("(a private key)") >= 2
    assert '~ /spec/fileAssets/name=tls/content: "a" -> "(a private key)"' in texts[0]
