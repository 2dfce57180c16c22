"""The sessions in the documents are what the commands print today, but for times and keys of chance."""

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from clusterstate.sandbox.s3server import S3Server
from tests.support.session_scripts import SCRIPTS
from tests.support.sessions import PICTURES, picture, play

pytestmark = pytest.mark.objectstore
CHANGING = re.compile(r"\d{4}-\d\d-\d\dT[\d:]+Z|\d+(\.\d+)? [kKMG]?i?B/s|hmac:\w+")


def texts(svg: str) -> list[str]:
    """Give what is written in a picture, without what is different each time."""
    words = "".join(ET.fromstring(svg).itertext())
    return CHANGING.sub("", words.replace("\N{NO-BREAK SPACE}", " ")).split()


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_session_is_what_the_commands_print(name: str, s3_server: S3Server, tmp_path: Path) -> None:
    script = SCRIPTS[name]
    shown = play(script, s3_server, tmp_path / name)
    assert texts(picture(script.title, shown)) == texts((PICTURES / f"{name}.svg").read_text()), "make sessions"
