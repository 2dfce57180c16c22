"""What tests ask of the real kops and of the operator beside it."""

import json
import re
import secrets
from collections.abc import Callable, Iterable, Mapping
from difflib import unified_diff
from typing import Any

import yaml

from tests.support.kops import Kops
from tests.support.operating import Body, conditions
from tests.support.world import COMPLEX, World

READS = ("Get", "Head", "List")
"""How the names of S3 operations begin that change nothing."""


def rows(kops: Kops, what: str, *arguments: str, cluster: str = COMPLEX) -> list[list[str]]:
    """Give the table of `kops get`: a list of cells for every line below the heading; empty cells are left out."""
    named = () if what == "clusters" else ("--name", cluster)
    return [line.split() for line in kops.run("get", what, *named, *arguments).stdout.splitlines()[1:]]


def documents(kops: Kops, what: str = "all", cluster: str = COMPLEX) -> dict[str, Body]:
    """Give every document of `kops get -o yaml` by its object's name, the cluster among them."""
    text = kops.run("get", what, "--name", cluster, "-o", "yaml").stdout
    return {each["metadata"]["name"]: each for each in yaml.safe_load_all(text) if each}


def hand(kops: Kops, verb: str, bodies: Iterable[Body]) -> None:
    """Let kops `create` or `replace` these objects."""
    manifest = kops.home / "manifest.yaml"
    manifest.write_text("\n---\n".join(map(json.dumps, bodies)))  # PyYAML writes text such as 1e3 without quotes
    kops.run(verb, "-f", manifest)


def rewrite(kops: Kops, cluster: str = COMPLEX) -> None:
    """Let kops replace every object by just what it shows of it."""
    manifest = kops.home / "shown.yaml"
    manifest.write_text(kops.run("get", "all", "--name", cluster, "-o", "yaml").stdout)
    kops.run("replace", "-f", manifest)


def edit(kops: Kops, changes: Mapping[str, Callable[[Body], Any]], cluster: str = COMPLEX) -> None:
    """Change objects as a person does with `kops edit`: what kops shows, with another spec, replaces it."""
    shown = documents(kops, cluster=cluster)
    for name, change in changes.items():
        change(shown[name]["spec"])
    hand(kops, "replace", [shown[name] for name in changes])


def comparable(world: World) -> dict[str, str]:
    """Give a bucket's files without the two things that differ between buckets: its name, and times of creation."""
    created = re.compile(r'(?<=creationTimestamp: ")[^"]+')
    files = world.files().items()
    return {key: created.sub("T", data.decode().replace(f"{world.url}/", "s3://B/")) for key, data in files}


def differences(ours: Mapping[str, str], theirs: Mapping[str, str]) -> str:
    """Give the lines in which two sets of files differ, as a unified diff from ours to theirs."""
    return "\n".join(
        line
        for key in sorted({*ours, *theirs})
        for line in unified_diff(
            ours.get(key, "").splitlines(), theirs.get(key, "").splitlines(), key, key, n=0, lineterm=""
        )
    )


def request(world: World) -> Body:
    """Let the operator look again at once; give the object when it has."""
    token = secrets.token_hex(6)
    world.kubectl("annotate", "--overwrite", "clusterstate/state", f"clusterstate.dev/reconcile-requested-at={token}")
    world.until(lambda: world.state()["status"].get("lastHandledReconcileAt") == token, lambda: world.state()["status"])
    return world.state()


def look_again(world: World) -> Body:
    """Let the operator look again, and give what it did and found in the terms of `QUIET`."""
    before, history, mark = world.files(), world.state()["status"].get("history", []), world.server.mark()
    status = request(world)["status"]
    after, found = world.files(), conditions({"status": status})
    operations = {each.operation for each in world.server.requests(mark, bucket=world.bucket)}
    return {
        "files changed": sorted(key for key in {*before, *after} if before.get(key) != after.get(key)),
        "requests that write": sorted(each for each in operations if not each.startswith(READS)),
        "revisions added": [each for each in status.get("history", []) if each not in history],
        "drift": status.get("drift", []),
        "plan": status.get("plan", {}),
        "InSync": found["InSync"]["status"],
        "Ready": found["Ready"]["status"],
    }


QUIET: Body = {
    "files changed": [],
    "requests that write": [],
    "revisions added": [],
    "drift": [],
    "plan": {},
    "InSync": "True",
    "Ready": "True",
}
"""A run that finds everything as declared, and writes nothing."""
