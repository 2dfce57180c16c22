"""Argo CD's side of a resource customization: its Lua, and what it makes of the answers.

After Argo CD's `util/lua`: Lua 5.1 with the global `obj`, the base functions and `table`, and of `os` what
`require("os")` gives, `time` and `date`. There is no `string` and no `math`.
"""

from pathlib import Path
from typing import Any, Final

import yaml
from lupa import lua51

from tests.support.operating import Body

CUSTOMIZATIONS: Final = Path(__file__).parents[2] / "examples" / "gitops" / "argocd" / "argocd-cm.yaml"
KIND: Final = "clusterstate.dev_ClusterState"
STATUSES: Final = {"Unknown", "Progressing", "Suspended", "Healthy", "Degraded", "Missing"}
ONLY_WHAT_ARGO_GIVES: Final = """
local os, debug = os, debug
debug.setmetatable("", nil)
for _, name in ipairs({"coroutine", "debug", "io", "math", "os", "package", "python", "string"}) do
  _G[name] = nil
end
function require(name)
  assert(name == "os", "Argo CD has no module " .. name)
  return {time = os.time, date = os.date}
end
"""


def customization(part: str) -> str:
    """Give what the ConfigMap says of ClusterStates under `health`, `actions` or `ignoreDifferences`."""
    text: str = yaml.safe_load(CUSTOMIZATIONS.read_text())["data"][f"resource.customizations.{part}.{KIND}"]
    return text


def health(body: Body) -> tuple[str, str]:
    """Give the status and the message that Argo CD shows of an object."""
    if "deletionTimestamp" in body["metadata"]:
        return "Progressing", "Pending deletion"  # Argo CD's own words: no script is asked
    answer = run(customization("health"), body)
    assert answer.keys() == {"status", "message"}
    assert answer["status"] in STATUSES, answer
    return answer["status"], answer["message"]


def offered(body: Body) -> set[str]:
    """Give the actions that may be chosen, all of which are defined."""
    actions = yaml.safe_load(customization("actions"))
    found = run(actions["discovery.lua"], body)
    assert found.keys() == {each["name"] for each in actions["definitions"]}
    return {name for name, each in found.items() if not each["disabled"]}


def act(body: Body, name: str) -> Body:
    """Give the merge patch that an action comes to."""
    definitions = yaml.safe_load(customization("actions"))["definitions"]
    (script,) = (each["action.lua"] for each in definitions if each["name"] == name)
    return _patch(body, _restore(run(script, body), body))


def run(script: str, body: Body) -> Any:
    """Run a script on an object, and give what it returns, as JSON has it."""
    lua = lua51.LuaRuntime(register_eval=False, register_builtins=False)
    lua.execute(ONLY_WHAT_ARGO_GIVES)
    lua.globals().obj = lua.table_from(body, recursive=True)
    return _decode(lua.execute(script))


def _decode(value: Any) -> Any:
    if lua51.lua_type(value) != "table":
        return value
    items = dict(value.items())
    if all(isinstance(key, int) for key in items):  # an empty table too: Argo CD takes it for a list
        return [_decode(items[index]) for index in sorted(items)]
    return {key: _decode(each) for key, each in items.items()}


def _restore(new: Any, old: Any) -> Any:
    """Put back empty maps, which Lua can't tell from lists; Argo CD does so too, but for items of lists."""
    if isinstance(new, dict) and isinstance(old, dict):
        return {
            key: old[key] if value == [] and old.get(key) == {} else _restore(value, old.get(key))
            for key, value in new.items()
        }
    if isinstance(new, list) and isinstance(old, list):
        return [_restore(*pair) for pair in zip(new, old, strict=True)]
    return new


def _patch(old: Body, new: Body) -> Body:
    patch: Body = {key: None for key in old if key not in new}
    for key, value in new.items():
        before = old.get(key)
        if isinstance(value, dict) and isinstance(before, dict):
            patch |= {key: inner} if (inner := _patch(before, value)) else {}
        elif value != before:
            patch[key] = value
    return patch
