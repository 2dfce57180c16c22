"""The CRD in the repository is the one that the model makes, and it says what the API server needs."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from clusterstate.api import __main__ as command
from clusterstate.api.crd import make_crd, make_schema, render_crd
from clusterstate.api.rules import RULES

FILE = Path(__file__).parents[2] / "crds" / "clusterstate.dev_clusterstates.yaml"
SERVED_BY_KUBERNETES = {"apiVersion", "kind", "metadata"}


def fields(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Give every field below a schema with its path."""
    for name, field in schema.get("properties", {}).items():
        here = f"{path}.{name}".removeprefix(".")
        yield here, field
        yield from fields(field.get("items", field), here)


BOUNDS: dict[str, list[set[str]]] = {
    "string": [{"maxLength"}, {"enum"}],
    "array": [{"maxItems", "x-kubernetes-list-type"}],
    "object": [{"properties"}, {"additionalProperties", "maxProperties"}, {"x-kubernetes-preserve-unknown-fields"}],
}
"""One of these sets of keywords each type must have; numbers and booleans are bounded as they are."""
FIELDS = {path: field for path, field in fields(make_schema()) if path not in SERVED_BY_KUBERNETES}


def test_the_file_is_what_the_model_makes() -> None:
    assert FILE.read_text(encoding="utf-8") == render_crd(), "run: make crds"
    assert yaml.safe_load(render_crd()) == make_crd()


def test_the_command_writes_and_checks_the_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main([str(tmp_path), "--check"]) == 1
    assert "make crds" in capsys.readouterr().err
    assert command.main([str(tmp_path)]) == 0
    assert (tmp_path / FILE.name).read_bytes() == FILE.read_bytes()
    assert command.main([str(tmp_path), "--check"]) == 0


@pytest.mark.parametrize("path", FIELDS)
def test_every_field_is_described_and_bounded(path: str) -> None:
    field = FIELDS[path]
    assert field["description"].endswith(".")
    assert "$ref" not in field
    assert any(keys <= field.keys() for keys in BOUNDS.get(field["type"], [set()])), field


def test_only_parts_of_kops_objects_keep_unknown_fields() -> None:
    kept = {path for path, field in FIELDS.items() if field.get("x-kubernetes-preserve-unknown-fields")}
    assert kept == {"spec.cluster", "spec.instanceGroups.spec"}


def test_keyed_lists() -> None:
    keyed = {
        path: field["x-kubernetes-list-map-keys"]
        for path, field in FIELDS.items()
        if "x-kubernetes-list-map-keys" in field
    }
    assert keyed == {
        "spec.instanceGroups": ["name"],
        "spec.secrets": ["name"],
        "spec.keysets": ["name"],
        "spec.files": ["path"],
        "status.conditions": ["type"],
        "status.mirrors": ["secret"],
    }


def test_every_rule_has_its_place_in_the_schema() -> None:
    schema = make_schema()
    places = {"": schema, **FIELDS} | {
        f"{path}[]": field["items"] for path, field in FIELDS.items() if "items" in field
    }
    placed = [(path, rule) for path, field in places.items() for rule in field.get("x-kubernetes-validations", ())]
    assert len(placed) == len(RULES)
    assert {(path.replace("[]", ""), rule["rule"]) for path, rule in placed} == {
        (rule.path.replace("[]", ""), rule.cel) for rule in RULES
    }


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.field)
def test_every_message_names_its_field(rule: Any) -> None:
    assert rule.message.startswith(rule.field)
    assert rule.field in FIELDS


def test_deleting_everything_spares_state_stores() -> None:
    names = make_crd()["spec"]["names"]
    assert names["categories"] == ["clusterstate"]
    assert names["shortNames"] == ["cst"]


def test_defaults() -> None:
    defaults = {path: field["default"] for path, field in FIELDS.items() if "default" in field}
    assert defaults == {
        "spec.suspend": False,
        "spec.store.encryption": "Auto",
        "spec.store.caBundleRef.kind": "ConfigMap",
        "spec.store.caBundleRef.key": "ca.crt",
        "spec.store.k8s.layout": "Secrets",
        "spec.sync": {},
        "spec.sync.direction": "Push",
        "spec.sync.interval": "10m",
        "spec.sync.timeout": "2m",
        "spec.sync.drift": "Correct",
        "spec.sync.conflict": "Fail",
        "spec.sync.adoption": "Merge",
        "spec.sync.prune": False,
        "spec.sync.validation": "Strict",
        "spec.sync.dryRun": False,
        "spec.sync.requireCloudUpdate": False,
        "spec.sync.deletionPolicy": "Retain",
        "spec.sync.deleteExternalStores": False,
        "spec.sync.keepBackups": True,
        "spec.sync.migration": {},
        "spec.sync.migration.cleanup": "Keep",
        "spec.sync.migration.backups": "Latest",
        "spec.sync.migration.discoveryStore": False,
        "spec.clusterMetadata": {},
        "spec.sync.revisionHistoryLimit": 10,
        "spec.mirror.keysets.parts": "Trust",
        "spec.keysets.generate.algorithm": "RSA",
        "spec.keysets.generate.validity": "87600h",
        "spec.keysets.rotation.paused": False,
        "spec.mirror.nameTemplate": "{clusterState}-{kind}-{name}",
        "spec.mirror.immutable": False,
        "spec.mirror.onMissing": "Retain",
        "spec.expiryWarning": "720h",
        "status": {},
        "status.observedGeneration": -1,
    }
