"""Answers of Google's services."""

import json
from http import HTTPStatus

from aiohttp import web


class Refusal(Exception):
    """Ends a request with an answer."""

    def __init__(self, answer: web.Response) -> None:
        super().__init__(answer.text)
        self.answer = answer


def api_error(status: int, reason: str, message: str) -> Refusal:
    """Refuse as the JSON API of Cloud Storage does."""
    one = {"message": message, "domain": "global", "reason": reason}
    return Refusal(web.json_response({"error": {"code": status, "message": message, "errors": [one]}}, status=status))


def text_error(status: int, message: str) -> Refusal:
    """Refuse as its downloads do."""
    return Refusal(web.Response(status=status, text=message))


def iam_error(status: int, code: str, message: str) -> Refusal:
    """Refuse as IAM does."""
    return Refusal(web.json_response({"error": {"code": status, "message": message, "status": code}}, status=status))


def oauth_error(code: str, description: str) -> Refusal:
    """Refuse as token services do (RFC 6749)."""
    return Refusal(web.json_response({"error": code, "error_description": description}, status=HTTPStatus.BAD_REQUEST))


def no_bucket(*, media: bool = False) -> Refusal:
    message = "The specified bucket does not exist."
    return text_error(404, message) if media else api_error(404, "notFound", message)


def no_object(bucket: str, key: str, *, media: bool = False) -> Refusal:
    message = f"No such object: {bucket}/{key}"
    return text_error(404, message) if media else api_error(404, "notFound", message)


def precondition() -> Refusal:
    return api_error(412, "conditionNotMet", "At least one of the pre-conditions you specified did not hold.")


def json_bytes(value: object) -> bytes:
    return json.dumps(value).encode()
