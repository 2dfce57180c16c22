"""Which store and which cluster a command is about, chosen exactly as kops does (cmd/kops/root.go, 1.35.2).

store      --state > KOPS_STATE_STORE > a configuration file's kops_state_store
the file   --config > $HOME/.kops.yaml > $HOME/.kops/config; the first that is there counts, and no other
cluster    argument or --name > KOPS_CLUSTER_NAME > the cluster of kubectl's context
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import yaml

from clusterstate.cli.manners import say
from clusterstate.cli.words import StoreWords
from clusterstate.errors import CommandInvalid

STORE_VARIABLE: Final = "KOPS_STATE_STORE"
CLUSTER_VARIABLE: Final = "KOPS_CLUSTER_NAME"
STORE_KEY: Final = "kops_state_store"
FILES: Final = (".kops.yaml", ".kops/config")
"""Below the home folder."""
LARGEST: Final = 16 << 20
"""Bytes of a configuration file; a kubeconfig has some 7000 for each cluster."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """A store, and what named it."""

    url: str
    by: str
    """Such as `--state` or `/home/me/.kops.yaml`."""


def choose_store(words: StoreWords, environ: Mapping[str, str]) -> Chosen:
    """Give the store that is meant. Raises `CommandInvalid`, which names what was tried, where none is."""
    if words.state == "":  # as by a script with an unset variable; another store is never meant then
        raise CommandInvalid("--state is empty. Give a URL, for example s3://acme-state-store, or leave it out.")
    if words.state:
        return _chosen(words.state, "--state")
    if environ.get(STORE_VARIABLE):
        return _chosen(environ[STORE_VARIABLE], STORE_VARIABLE)
    candidates = [words.config] if words.config else [*_usual_files(environ)]
    file = next((each for each in candidates if each.exists()), None)
    url = _read_store(file) if file else ""
    if file and url:
        return _chosen(url, str(file))
    said = f"{STORE_KEY} in {file}, which names none" if file else " and ".join(map(str, candidates)) or "no file"
    missing = "" if file else ", which " + ("isn't" if len(candidates) == 1 else "aren't") + " there"
    home = "" if candidates else ", as HOME isn't set"
    raise CommandInvalid(
        f"No state store is chosen. Tried were --state, {STORE_VARIABLE}, and {said}{missing if candidates else home}. "
        "Give --state, for example s3://acme-state-store."
    )


def choose_cluster(name: str | None, environ: Mapping[str, str]) -> str:
    """Give the name of the cluster that is meant, and tell it where nobody named it. Raises `CommandInvalid`."""
    if named := name if name is not None else environ.get(CLUSTER_VARIABLE):
        return named
    chosen = _kubectl_cluster(environ)
    if not chosen:
        raise CommandInvalid(
            f"No cluster is chosen. Tried were --name, {CLUSTER_VARIABLE} and the context of kubectl. Give --name."
        )
    say(f"The cluster is {chosen}, that of kubectl's context.")
    return chosen


def _chosen(url: str, by: str) -> Chosen:
    return Chosen(url if url.endswith("://") else url.removesuffix("/"), by)


def _usual_files(environ: Mapping[str, str]) -> list[Path]:
    home = environ.get("HOME")
    return [Path(home, name) for name in FILES] if home else []


def _read_store(path: Path) -> str:
    """Read the one field that counts; names of fields are the same in any case (viper, which kops reads it by)."""
    fields = _load(path)
    value = next((value for key, value in fields.items() if str(key).lower() == STORE_KEY), "")
    return value if isinstance(value, str) else ""


def _load(path: Path) -> Mapping[object, object]:
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
        if len(data) > LARGEST:
            raise CommandInvalid(f"{path} has more than {LARGEST} bytes, the most that is read. Make it smaller.")
        fields = yaml.load(data, yaml.CSafeLoader)
    except OSError as error:
        raise CommandInvalid(f"{path} can't be read: {error.strerror}. Give --state, or mend the file.") from None
    except (yaml.YAMLError, ValueError, RecursionError):
        raise CommandInvalid(f"{path} isn't YAML. Give --state, or mend the file.") from None
    return fields if isinstance(fields, dict) else {}


def _kubectl_cluster(environ: Mapping[str, str]) -> str:
    """Give the cluster that the current context names in the kubeconfigs that kubectl reads, empty where none is."""
    places = [Path(each) for each in environ.get("KUBECONFIG", "").split(":") if each]
    if not places and environ.get("HOME"):
        places = [Path(environ["HOME"], ".kube", "config")]
    documents = [_load(each) for each in places if each.is_file()]
    current = next((each["current-context"] for each in documents if each.get("current-context")), None)
    contexts = (entry for each in documents for entry in _entries(each.get("contexts")))
    found = next((entry.get("context") for entry in contexts if entry.get("name") == current), None)
    return str(found.get("cluster") or "") if isinstance(found, dict) else ""


def _entries(value: object) -> list[dict[object, object]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
