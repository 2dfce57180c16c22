"""What the API server says, from JSON to typed data: one way to read it, and one set of errors where it can't be."""

from typing import TypeVar

import msgspec

from clusterstate.errors import KubeRefused
from clusterstate.kube.calls import Call
from clusterstate.kube.failures import damaged

Form = TypeVar("Form")


def decode_answer(call: Call, answer: bytes, form: type[Form]) -> Form:
    """Give an answer as `form`.

    Raises `Damaged` where it is something else, such as a page of a proxy, and `KubeRefused` where an object
    in it is nested too deeply: it will be so the next time too.
    """
    try:
        return msgspec.json.decode(answer, type=form)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise damaged(call, "is not what Kubernetes sends") from None
    except RecursionError:
        raise KubeRefused(
            f"Could not {call.text}: an object in the answer is nested too deeply to be read. Find it, and delete "
            "it or correct it."
        ) from None
