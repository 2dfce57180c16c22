"""The image's bill of materials: valid, of just what is locked, and the same again from the same lock file."""

import json
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packaging.utils import canonicalize_name

from tests.support.image import ROOT, locked, run


def written(path: Path) -> str:
    run(ROOT / "scripts" / "sbom.sh", path)
    return path.read_text()


@pytest.mark.timeout(300)
def test_it_has_what_is_locked(tmp_path: Path) -> None:
    text = written(tmp_path / "new" / "sbom.json")
    bill = json.loads(text)
    assert {canonicalize_name(each["name"]): each["version"] for each in bill["components"]} == locked()
    assert bill["metadata"]["component"]["name"] == "clusterstate"
    assert str(ROOT) not in text


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_it_is_the_same_again(tmp_path: Path) -> None:
    text = written(tmp_path / "one.json")
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    assert written(tmp_path / "two.json") == text
