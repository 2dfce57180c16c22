"""Serve on a port of 127.0.0.1 until the process is ended: `python -m tests.support.oss PORT CONTROL_KEY`."""

import sys

from aiohttp import web

from tests.support.oss.app import Cloud, make_app

port, key = sys.argv[1:]
web.run_app(make_app(Cloud(key=key)), host="127.0.0.1", port=int(port), access_log=None, print=None)
