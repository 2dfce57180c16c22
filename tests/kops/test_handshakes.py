"""A renewed certificate goes through a whole rotation while a server and its clients keep talking."""

import socket
import ssl
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from clusterstate.sandbox.process import Child, free_port
from clusterstate.state import codec
from clusterstate.state.keyset import trust_bundle
from clusterstate.state.layout import keyset_key
from tests.apiserver.test_rotation import confirm, told
from tests.kops.asking import request
from tests.support.keypairs import certificate, pem, tls_secret
from tests.support.kops import Kops
from tests.support.nodeagent import NodeAgent, file_of, let_in
from tests.support.operating import Body
from tests.support.world import COMPLEX, World, manifest

pytestmark = [pytest.mark.kops, pytest.mark.apiserver, pytest.mark.objectstore]
KEYSET = "webhook-ca"
GROUP = "control-plane-us-east-1a"
MIRROR = f"state-keyset-{KEYSET}"
SERVER = """
import signal, socket, ssl, sys

def load(*_):
    global context
    fresh = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    fresh.load_cert_chain("tls.crt", "tls.key")
    context = fresh

load()
signal.signal(signal.SIGHUP, load)
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
while True:
    with listener.accept()[0] as connection:
        try:
            with context.wrap_socket(connection, server_side=True) as tls:
                tls.recv(1)
        except OSError:
            pass
"""


class Client:
    """Shakes hands again and again, each time trusting what `ca.crt` says at that moment."""

    def __init__(self, port: int, trust: Path) -> None:
        self._port = port
        self._trust = trust
        self.failures: list[str] = []
        self.peers: list[int] = []
        """Serial numbers of the certificates that the server showed."""

    @contextmanager
    def talking(self) -> Iterator[None]:
        ended = threading.Event()
        thread = threading.Thread(target=self._talk, args=(ended,))
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def _talk(self, ended: threading.Event) -> None:
        while not ended.wait(0.02):
            try:
                self.peers.append(self._shake_hands())
            except (OSError, ssl.SSLError) as error:
                self.failures.append(str(error))

    def _shake_hands(self) -> int:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.load_verify_locations(cadata=self._trust.read_text())
        with (
            socket.create_connection(("127.0.0.1", self._port), timeout=10) as connection,
            context.wrap_socket(connection) as tls,
        ):
            shown = tls.getpeercert(binary_form=True)
            assert shown is not None
            return x509.load_der_x509_certificate(shown).serial_number


def renewal() -> tuple[Body, int]:
    """Give the Secret as cert-manager writes it, and the serial number of its certificate."""
    key = rsa.generate_private_key(65537, 2048)
    made = certificate(key)
    return tls_secret("webhook-tls", made, pem(key)), x509.load_pem_x509_certificate(made).serial_number


def serials(path: Path) -> list[int]:
    return [each.serial_number for each in x509.load_pem_x509_certificates(path.read_bytes())]


def ids(kops: Kops) -> list[str]:
    """Give the ids of the keyset's key pairs, the primary's first."""
    pairs = yaml.safe_load_all(kops.run("get", "keypairs", KEYSET, "--name", COMPLEX, "-o", "yaml").stdout)
    listed = [each for found in pairs for each in (found if isinstance(found, list) else [found])]
    return [each["id"] for each in sorted(listed, key=lambda each: not each.get("isPrimary"))]


@contextmanager
def serving(world: World, port: int, pki: Path) -> Iterator[None]:
    """Run a server with the node's files; its process id stands where the agent's reload looks for it."""
    script = world.directory / "server.py"
    script.write_text(SERVER)
    server = Child.start([sys.executable, script, str(port)], cwd=pki, log=world.directory / "server.log")
    (world.directory / "pid").write_text(str(server.pid))
    try:
        world.until(lambda: listens(port), server.log.read_text)
        yield
    finally:
        server.stop()


def publish(world: World) -> None:
    """Tell nodes of the keyset as `kops update cluster` does of those that it gives to them."""
    found = codec.decode_keyset(world.read(f"{COMPLEX}/{keyset_key(KEYSET)}"), "")
    config = {"CAs": {KEYSET: trust_bundle(found).decode()}, "KeypairIDs": {KEYSET: found.primary_id}}
    world.put(f"{COMPLEX}/igconfig/control-plane/{GROUP}/nodeupconfig.yaml", yaml.safe_dump(config).encode())


def follow(world: World) -> None:
    """Publish the keyset, and confirm that nodes follow as status says."""
    publish(world)
    confirm(world, told(request(world))["message"])


def test_no_handshake_fails_through_whole_rotations(world: World, kops: Kops) -> None:
    """People rotate with kops first, then the operator does."""
    world.load_store()
    (first, old), (second, new), (third, last) = renewal(), renewal(), renewal()
    world.apply(first)
    declared: dict[str, Any] = {"name": KEYSET, "tlsSecretRef": {"name": "webhook-tls"}}
    rules = [{"include": [KEYSET], "parts": "KeyPair"}]
    world.apply(manifest(url=world.url, keysets=[declared], mirror={"keysets": rules}))
    pki, port = world.directory / "pki", free_port()
    files = [file_of(MIRROR, key) for key in ("tls.crt", "tls.key", "ca.crt")]
    reload = ["sh", "-c", f"kill -HUP $(cat {world.directory}/pid)"]
    sets = [{"directory": str(pki), "files": files, "reload": reload}]
    agent = NodeAgent(world.directory, {"sets": sets}, arguments=let_in(world.plane, world.namespace, [MIRROR]))
    client = Client(port, pki / "ca.crt")
    with world.running(), agent.running():
        world.until((pki / "ca.crt").exists, agent.log.read_text)
        with serving(world, port, pki), client.talking():
            world.until(lambda: client.peers, lambda: client.failures)
            world.apply(second)
            world.until(lambda: set(serials(pki / "ca.crt")) == {old, new}, agent.log.read_text)
            assert serials(pki / "tls.crt") == [old]
            before, after = ids(kops)
            kops.run("promote", "keypair", KEYSET, after, "--name", COMPLEX)
            request(world)
            world.until(lambda: client.peers[-1] == new, lambda: client.failures[:3])
            kops.run("distrust", "keypair", KEYSET, before, "--name", COMPLEX)
            request(world)
            world.until(lambda: serials(pki / "ca.crt") == [new], agent.log.read_text)

            declared["rotation"] = {"promoteAfter": "0s", "distrustAfter": "0s"}
            world.apply(third)
            world.apply(manifest(url=world.url, keysets=[declared], mirror={"keysets": rules}))
            world.until(lambda: set(serials(pki / "ca.crt")) == {new, last}, agent.log.read_text)
            follow(world)
            world.until(lambda: client.peers[-1] == last, lambda: world.state()["status"])
            assert set(serials(pki / "ca.crt")) == {new, last}
            follow(world)
            world.until(lambda: serials(pki / "ca.crt") == [last], lambda: world.state()["status"])
            reached = len(client.peers)
            world.until(lambda: len(client.peers) > reached + 5)
    assert client.failures == []
    assert [serial for serial, _ in groupby(client.peers)] == [old, new, last]


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
