"""A configuration is checked whole: what is wrong is named by file and field."""

from typing import Any

import pytest
import yaml

from clusterstate.errors import MalformedFile, SpecInvalid
from clusterstate.node.config import load_configuration, require_source

FILE = {"path": "ca.crt", "secret": "prod-keyset-kubernetes-ca", "key": "ca.crt"}
SET = {"directory": "/etc/kubernetes/pki", "files": [FILE]}


def load(**fields: Any) -> Any:
    return load_configuration(yaml.safe_dump({"sets": [SET], **fields}).encode(), "agent.yaml")


def with_set(**fields: Any) -> Any:
    return load(sets=[{**SET, **fields}])


def with_file(**fields: Any) -> Any:
    return with_set(files=[{**FILE, **fields}])


def test_what_is_left_out_is_private() -> None:
    (files,) = load().sets
    (file,) = files.files
    assert (file.permissions, file.owner, file.group, files.permissions) == (0o600, None, None, 0o700)
    assert (files.reload, files.remove_missing) == ((), False)


def test_what_is_given_is_taken() -> None:
    (files,) = with_set(directoryMode="0711", files=[{**FILE, "mode": "0644", "owner": 1000, "group": "etcd"}]).sets
    (file,) = files.files
    assert (file.permissions, file.owner, file.group, files.permissions) == (0o644, 1000, "etcd", 0o711)


@pytest.mark.parametrize(
    "path",
    ["/etc/passwd", "..", "../x", "a/../b", "a//b", "a/", "./a", "", "..data", "..x/y", "a\nb", "a/" + "x" * 256],
)
def test_a_path_that_leads_elsewhere_is_refused(path: str) -> None:
    with pytest.raises(SpecInvalid, match=r"agent.yaml: sets\[0\].files\[0\].path: "):
        with_file(path=path)


@pytest.mark.parametrize("path", ["a", ".hidden", "a/..b", "a b/ü", "a/b/c"])
def test_any_other_path_is_taken(path: str) -> None:
    assert with_file(path=path).sets[0].files[0].path == path


@pytest.mark.parametrize("directory", ["etc", "/", "//etc", "/etc/", "/etc/../root", "/./etc", "~/x"])
def test_a_directory_that_is_no_plain_path_is_refused(directory: str) -> None:
    with pytest.raises(SpecInvalid, match=r"agent.yaml: sets\[0\].directory: "):
        with_set(directory=directory)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"mode": 644}, r"sets\[0\].files\[0\].mode: Expected `str`"),
        ({"mode": "4755"}, r"sets\[0\].files\[0\].mode: "),
        ({"mode": "0200"}, r"sets\[0\].files\[0\].mode: "),
        ({"owner": -1}, r"sets\[0\].files\[0\].owner: "),
        ({"owner": 2**32 - 1}, r"sets\[0\].files\[0\].owner: "),
        ({"secret": "No_Name"}, r"sets\[0\].files\[0\].secret: "),
        ({"key": "a/b"}, r"sets\[0\].files\[0\].key: "),
        ({"colour": "red"}, r"sets\[0\].files\[0\]: .*unknown field `colour`"),
    ],
)
def test_a_file_that_is_wrong_is_named(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(SpecInvalid, match=f"^agent.yaml: {said}"):
        with_file(**fields)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"sets": []}, "sets: "),
        ({"sets": [SET, SET]}, "sets: /etc/kubernetes/pki is the directory of two sets"),
        ({"sets": [{**SET, "directoryMode": "0600"}]}, r"sets\[0\].directoryMode: "),
        ({"sets": [{**SET, "reload": "systemctl restart kubelet"}]}, r"sets\[0\].reload: "),
        ({"sets": [{**SET, "files": [FILE, FILE]}]}, r"sets\[0\].files: ca.crt stands there twice"),
        (
            {"sets": [{**SET, "files": [FILE, {**FILE, "path": "ca.crt/x"}]}]},
            r"sets\[0\].files: ca.crt is a file and a directory",
        ),
        ({"interval": "1ms"}, "interval: "),
        ({"interval": "soon"}, "interval: "),
        ({"namespace": "No"}, "namespace: "),
        ({"mirror": {"keyset": []}}, "mirror: .*unknown field `keyset`"),
    ],
)
def test_what_else_is_wrong_is_named(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(SpecInvalid, match=f"^agent.yaml: {said}"):
        load(**fields)


@pytest.mark.parametrize("data", [b"", b"- a", b"sets: [", b"\xff"])
def test_what_is_no_yaml_is_told(data: bytes) -> None:
    with pytest.raises((MalformedFile, SpecInvalid), match=r"agent\.yaml"):
        load_configuration(data, "agent.yaml")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "clusterState: "),
        ({"clusterState": "prod"}, "mirror: "),
        ({"clusterState": "prod", "mirror": {"immutable": True}}, "mirror.immutable: "),
    ],
)
def test_a_store_needs_what_names_mirrors(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(SpecInvalid, match=f"^agent.yaml: {said}"):
        require_source(load(**fields), "agent.yaml", "clusters")


def test_a_cluster_is_named_as_its_object_unless_told() -> None:
    for more, name in (({}, "prod"), ({"clusterName": "prod.example.com"}, "prod.example.com")):
        owner, cluster_name, _ = require_source(load(clusterState="prod", mirror={}, **more), "agent.yaml", "clusters")
        assert (owner.namespace, owner.name, cluster_name) == ("clusters", "prod", name)


OWNED = {"owner": 1000}
GROUPED = {"group": 5, "mode": "0640"}


@pytest.mark.parametrize(
    ("file", "directory_mode", "who"),
    [
        ({"mode": "0644"}, "0700", "others"),
        ({"mode": "0604"}, "0750", "others"),
        ({"mode": "0640"}, "0700", "its group"),
        (GROUPED, "0750", "its group"),
        (OWNED, "0700", "its owner"),
        ({"owner": "etcd"}, "0766", "its owner"),
    ],
)
def test_a_file_that_those_whom_it_is_for_cannot_reach_is_refused(
    file: dict[str, Any], directory_mode: str, who: str
) -> None:
    with pytest.raises(
        SpecInvalid, match=rf"sets\[0\].files\[0\]: ca.crt is for {who}, who can't pass .*{directory_mode}"
    ):
        with_set(directoryMode=directory_mode, files=[{**FILE, **file}])


@pytest.mark.parametrize(
    ("file", "directory_mode", "trusted"),
    [
        ({"mode": "0644"}, "0711", False),
        ({"mode": "0640"}, "0710", False),
        (GROUPED, "0701", False),
        (OWNED, "0710", False),
        ({"owner": "root", "group": 0}, "0700", False),
        ({"group": 5}, "0700", False),
        (GROUPED, "0750", True),
        ({"mode": "0644"}, "0750", True),
    ],
)
def test_any_other_file_is_taken(file: dict[str, Any], directory_mode: str, *, trusted: bool) -> None:
    with_set(directoryMode=directory_mode, trusted=trusted, files=[{**FILE, **file}])


@pytest.mark.parametrize(("inner", "taken"), [("etcd", True), ("private", False), ("private/x", False), ("..x", False)])
def test_a_set_inside_another_is_refused_where_that_has_the_name(inner: str, *, taken: bool) -> None:
    sets = [{**SET, "files": [{**FILE, "path": "private/ca.crt"}]}, {**SET, "directory": f"{SET['directory']}/{inner}"}]
    for order in (sets, sets[::-1]):
        if taken:
            assert load(sets=order)
            continue
        with pytest.raises(
            SpecInvalid, match=f"sets: /etc/kubernetes/pki/{inner} is what the set in /etc/kubernetes/pki"
        ):
            load(sets=order)
