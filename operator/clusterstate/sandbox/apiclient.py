"""The administrator's own way to the API server: blocking, JSON in and out, nothing but the standard library.

It is deliberately not the operator's client, so that what sets up and checks a scene isn't what is being checked.
"""

import http.client
import json
import ssl
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from clusterstate.sandbox.errors import RequestRefused

TIMEOUT_SECONDS = 30
NOT_FOUND = 404


class ApiClient:
    """Calls of one user to one server."""

    def __init__(self, url: str, ca_file: Path | None = None, token: str = "") -> None:
        self._url = url
        self._context = ssl.create_default_context(cafile=ca_file)
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    def request(
        self, method: str, path: str, body: object = None, *, content_type: str = "application/json"
    ) -> dict[str, Any]:
        """Give the answer's JSON object.

        Raises RequestRefused with the server's message, and OSError if nobody answers.
        """
        call = urllib.request.Request(
            self._url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={**self._headers, "Content-Type": content_type, "Accept": "application/json, */*;q=0.1"},
        )
        try:
            with urllib.request.urlopen(call, timeout=TIMEOUT_SECONDS, context=self._context) as answer:
                result: dict[str, Any] = json.load(answer)
                return result
        except urllib.error.HTTPError as error:
            with error:
                text = error.read().decode(errors="replace")
            raise RequestRefused(f"{method} {path}: {error.code} {_message(text)}", error.code) from error

    def find(self, path: str) -> dict[str, Any] | None:
        """Give the object at a path, or None if there is none. Raises as `request` does for every other answer."""
        try:
            return self.request("GET", path)
        except RequestRefused as error:
            if error.status == NOT_FOUND:
                return None
            raise

    def answers(self, path: str) -> bool:
        """Tell whether a health path says that all is well."""
        call = urllib.request.Request(self._url + path, headers=self._headers)
        try:
            with urllib.request.urlopen(call, timeout=TIMEOUT_SECONDS, context=self._context):
                return True
        except (OSError, http.client.HTTPException):
            return False


def _message(text: str) -> str:
    """Take the sentence of a Kubernetes Status object, or the text itself."""
    try:
        status = json.loads(text)
    except ValueError:
        return text
    return str(status.get("message", text)) if isinstance(status, dict) else text
