"""How the suite's control plane is trusted."""

import ssl

import pytest

from clusterstate.sandbox.controlplane import ControlPlane


@pytest.fixture
def trust(control_plane: ControlPlane) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=control_plane.ca_file)
