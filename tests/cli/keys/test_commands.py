"""Commands about keys as a person meets them: on a folder or a bucket, with nobody's secrets on the screen."""

import os
import re
import signal
import stat
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from clusterstate.sandbox.s3server import S3Server
from clusterstate.state import codec
from clusterstate.state.keyset import require_usable
from clusterstate.state.layout import FileKind, keyset_key, kind_of, secret_key
from tests.support.cli import OPERATOR, clusterstate
from tests.support.keeper import Keeper
from tests.support.keypairs import certificate, pem, ssh_line
from tests.support.stores import kops_files
from tests.support.world import COMPLEX

CA = "kubernetes-ca"
CANARY = "CANARY-7d1f"


@dataclass
class Folder:
    """A person with a store in a folder."""

    home: Path

    @property
    def root(self) -> Path:
        return self.home / "store" / COMPLEX

    @property
    def environ(self) -> dict[str, str]:
        return {"KOPS_STATE_STORE": f"file://{self.home}/store", "KOPS_CLUSTER_NAME": COMPLEX}

    def run(
        self, *arguments: str | Path, typed: str = "", piped: str | None = None, **environ: str
    ) -> tuple[int, str, str]:
        environ = {**self.environ, **environ}
        done = clusterstate(*map(str, arguments), home=self.home, typed=typed, piped=piped, **environ)
        return done.returncode, done.stdout, done.stderr

    def keysets(self) -> dict[str, bytes]:
        files = {str(path.relative_to(self.root)): path for path in self.root.rglob("*") if path.is_file()}
        return {key: path.read_bytes() for key, path in files.items() if kind_of(key).kind is FileKind.KEYSET}


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    for key, data in kops_files(f"file://{tmp_path}/store", COMPLEX).items():
        path = tmp_path / "store" / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return Folder(tmp_path)


def test_help_shows_examples_and_loads_no_sdk(tmp_path: Path) -> None:
    program = (
        "import sys\nfrom clusterstate.cli.main import main\nmain()\n"
        "print(*{'boto3', 'kubernetes', 'cryptography', 'aiohttp'} & sys.modules.keys())"
    )
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(OPERATOR), "HOME": str(tmp_path)}
    for words in ("keyset create", "secret create", "sshpublickey delete"):
        command = [sys.executable, "-c", program, *words.split(), "-h"]
        shown = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=True).stdout
        assert f"Examples:\n  clusterstate {words}" in shown
        assert shown.endswith("\n\n"), "nothing but what is ours"


def test_a_rotation_by_hand_is_shown_asked_for_and_goes_on(folder: Folder) -> None:
    code, out, err = folder.run("keyset", "create", CA)
    found = re.fullmatch(
        rf"\+ {CA}: (\d+) is added \(CN={CA}, RSA, until \d{{4}}-\d\d-\d\d\)\nCreated {CA} (\d+)\n", out
    )
    assert found, err
    new = found[1]
    assert (code, found[2]) == (0, new)
    assert err == (
        f"clusterstate: Next: kops update cluster {COMPLEX} --yes and kops rolling-update cluster {COMPLEX} --yes, so "
        f"that all nodes trust it, then clusterstate keyset promote {CA}.\n"
    )
    before = folder.keysets()
    code, out, err = folder.run("keyset", "promote", CA)
    assert (code, err) == (1, "clusterstate: Nobody is there to be asked, and nothing was written. Say --yes.\n")
    code, out, err = folder.run("keyset", "promote", CA, typed="n\n")
    assert (code, out.count("becomes")) == (1, 1)
    assert f"Every node has to trust it by now. Write this into {COMPLEX}? [y/N]" in err
    assert "Nothing was written" in err
    code, out, err = folder.run("keyset", "promote", CA, "--dry-run")
    assert (code, err) == (0, "clusterstate: Nothing was written: --dry-run.\n")
    assert folder.keysets() == before
    code, out, _ = folder.run("keyset", "promote", CA, typed="y\n")
    assert code == 0
    assert out.endswith(f"becomes {new}\nPromoted {CA} {new}\n")
    code, out, err = folder.run("keyset", "promote", CA, "-q")
    assert (code, out, err) == (0, "", "")


def test_no_byte_of_a_secret_is_shown(folder: Folder, tmp_path: Path) -> None:
    def write(name: str, data: bytes | str) -> Path:
        (path := tmp_path / name).write_bytes(data if isinstance(data, bytes) else data.encode())
        return path

    key = ec.generate_private_key(ec.SECP256R1())
    good, other = write("good.key", pem(key)), write("other.key", pem(ec.generate_private_key(ec.SECP256R1())))
    cert = write("cert", certificate(key))
    odd = write("odd.key", f"-----BEGIN PRIVATE KEY-----\n{CANARY}\n-----END PRIVATE KEY-----\n")
    runs: list[tuple[int, tuple[str | Path, ...], str | None]] = [
        (0, ("keyset", "create", CA, "--cert", cert, "--key", "-"), good.read_text()),
        (1, ("keyset", "create", CA, "--cert", cert, "--key", other), None),
        (1, ("keyset", "create", CA, "--key", odd), None),
        (1, ("keyset", "create", CA, "--cert", good), None),
        (0, ("keyset", "promote", "all", "--yes"), None),
        (2, ("secret", "create", "dockerconfig", "--force", "-f", "-"), f'{{"auths": "{CANARY}'),
        (2, ("secret", "create", "encryptionconfig", "--force", "-f", "-"), f"a: [{CANARY}"),
        (0, ("secret", "create", "encryptionconfig", "--force", "-f", "-"), f"a: {CANARY}"),
        (2, ("secret", "create", "encryptionconfig", "-f", "-"), f"b: {CANARY}"),
        (2, ("sshpublickey", "create", "-i", good), None),
    ]
    hidden = [CANARY, *(line for each in (good, other) for line in each.read_text().splitlines()[1:-1])]
    for code, arguments, piped in runs:
        done, out, err = folder.run(*arguments, "-v", "--debug", piped=piped)
        assert done == code, out + err
        assert not [each for each in hidden if each in out + err], arguments
    written = [folder.root / keyset_key(CA), folder.root / secret_key("encryptionconfig")]
    assert {stat.S_IMODE(path.stat().st_mode) for path in written} == {0o600}
    assert codec.decode_secret(written[1].read_bytes(), "secret").data == f"a: {CANARY}".encode()


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("keyset", "create", CA, "--key", "missing.pem"), 2, "missing.pem can't be read: No such file or directory"),
        (("keyset", "create", CA, "--cert", "-", "--key", "-"), 2, "both stdin, which can be read once only"),
        (("secret", "create", "x", "-f", "missing"), 2, "missing can't be read"),
        (("sshpublickey", "create", "-i", "missing"), 2, "missing can't be read"),
        (("secret", "create", "", "-f", "-"), 2, "'NAME': it is empty."),
        (("keyset", "create", ""), 2, "'KEYSET|all': it is empty."),
        (("keyset", "trust", "other-ca", "1", "-y"), 2, "There is no keyset other-ca"),
        (("keyset", "trust", CA), 2, "Missing argument 'ID...'"),
        (("secret", "delete", "dockerconfig", "nope", "-y"), 2, "There is no secret nope"),
        (("secret", "create", "../x", "-f", "-"), 2, "no name for a secret"),
        (("secret", "create", "x", "-f", "-"), 2, "stdin is empty"),
        (("sshpublickey", "create", "-i", "-"), 2, "stdin holds no SSH public key"),
        (
            ("keyset", "promote", CA, "--name", "other.example.com"),
            1,
            "There is no cluster other.example.com in file://",
        ),
    ],
)
def test_what_cant_be_done_is_said_in_one_line(
    folder: Folder, arguments: tuple[str, ...], code: int, said: str
) -> None:
    before = folder.keysets()
    done, out, err = folder.run(*arguments)
    assert (done, out) == (code, "")
    assert said in err
    assert "Traceback" not in err
    assert folder.keysets() == before


def test_a_key_that_kops_couldnt_use_is_not_made(folder: Folder) -> None:
    before = folder.keysets()
    odd = pem(ec.generate_private_key(ec.SECP256K1())).decode()
    for name, key, size, said in (
        (CA, None, "1024", "KOPS_RSA_PRIVATE_KEY_SIZE is none of 2048, 3072, 4096"),
        (CA, odd, "", "on the curve secp256k1"),
        (f"{'x' * 62}-ca", None, "", "longer than the 64 bytes"),
    ):
        more = ("--key", "-") if key else ()
        code, _, err = folder.run("keyset", "create", name, *more, piped=key, KOPS_RSA_PRIVATE_KEY_SIZE=size)
        assert (code, said in err) == (2, True), err
    assert folder.keysets() == before


def test_killed_at_any_moment_whole_files_are_left(folder: Folder) -> None:
    before = folder.keysets()
    command = [sys.executable, "-m", "clusterstate", "keyset", "create", "all"]
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(OPERATOR), "HOME": str(folder.home), **folder.environ}
    with subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
        while running.poll() is None and folder.keysets() == before:
            pass
        running.send_signal(signal.SIGKILL)
    after = folder.keysets()
    assert after != before
    assert after.keys() == before.keys()
    for key, data in after.items():
        require_usable(codec.decode_keyset(data, key), key)
    assert folder.run("keyset", "create", "all")[0] == 0


@pytest.mark.objectstore
def test_ssh_keys_of_a_cluster_on_aws_are_warned_of(s3_server: S3Server, bucket: str, tmp_path: Path) -> None:
    keeper = Keeper(s3_server, bucket, tmp_path)
    keeper.load()
    done = keeper.run("sshpublickey", "create", "-i", "-", "-q", piped=f"{ssh_line()}\n")
    assert done.returncode == 0
    assert re.fullmatch(r"\+ SSH public key (\w{32}) \(ssh-ed25519\)\nCreated SSH public key \1\n", done.stdout)
    assert "kops update cluster refuses a second SSH key on aws" in done.stderr
    done = keeper.run("sshpublickey", "delete", typed="y\n")
    assert done.stdout.count("Deleted SSH public key") == 2
    assert not [key for key in keeper.files() if "ssh" in key]
    assert "has no SSH public key" in keeper.run("sshpublickey", "delete").stderr


def test_the_cluster_is_an_argument_where_it_is_one_to_kops(folder: Folder, tmp_path: Path) -> None:
    (tmp_path / "key.pub").write_text(ssh_line("two"))
    (tmp_path / "config.json").write_text("{}")
    for command in (
        ("sshpublickey", "create", COMPLEX, "-i", tmp_path / "key.pub"),
        ("sshpublickey", "delete", COMPLEX),
        ("secret", "create", "dockerconfig", COMPLEX, "--force", "-f", tmp_path / "config.json"),
    ):
        code, _, said = folder.run(*command, "--dry-run", KOPS_CLUSTER_NAME="")
        assert (code, said.splitlines()[-1]) == (0, "clusterstate: Nothing was written: --dry-run.")
    code, _, said = folder.run("sshpublickey", "delete", COMPLEX, "--name", COMPLEX, "--dry-run")
    assert (code, said.count("Leave --name out.")) == (2, 1)
    code, out, _ = folder.run("tree", "--name", COMPLEX)
    assert (code, "├── config" in out) == (0, True)
