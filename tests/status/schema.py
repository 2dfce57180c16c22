"""The API server's judgement of a status: every field known, every bound of the CRD kept."""

import re
from collections.abc import Mapping
from typing import Any, Final

from clusterstate.api.crd import make_crd

RFC3339: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
LONGEST_WORD: Final = 32
"""Characters of a value of an enumeration."""
TYPES: Final = {"string": str, "integer": int, "object": dict, "array": list}


def status_schema() -> dict[str, Any]:
    version = make_crd()["spec"]["versions"][0]
    schema: dict[str, Any] = version["schema"]["openAPIV3Schema"]["properties"]["status"]
    return schema


def judge(value: Any, schema: Mapping[str, Any], at: str = "status") -> None:
    """Raise AssertionError where the API server would refuse or prune."""
    kind = schema["type"]
    fits: bool = type(value) is TYPES[kind]
    assert fits, at
    if kind == "string":
        assert schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", LONGEST_WORD), at
        assert value in schema.get("enum", [value]), at
        assert schema.get("format") != "date-time" or RFC3339.fullmatch(value), at
        value.encode()
    elif kind == "integer":
        assert schema.get("minimum", 0) <= value < 2**63, at
    elif kind == "array":
        _judge_list(value, schema, at)
    else:
        assert set(schema.get("required", ())) <= value.keys(), at
        for key, item in value.items():
            assert key in schema["properties"], f"{at}.{key} is unknown"
            judge(item, schema["properties"][key], f"{at}.{key}")


def _judge_list(value: list[Any], schema: Mapping[str, Any], at: str) -> None:
    assert len(value) <= schema["maxItems"], at
    for index, item in enumerate(value):
        judge(item, schema["items"], f"{at}[{index}]")
    if keys := schema.get("x-kubernetes-list-map-keys"):
        named = [tuple(item[key] for key in keys) for item in value]
        assert len(named) == len(set(named)), at
