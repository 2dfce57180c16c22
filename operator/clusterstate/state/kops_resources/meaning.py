"""What kops's own objects keep of a file: its meaning, where other stores keep its bytes. Pure."""

import msgspec

from clusterstate.errors import MalformedFile, MalformedKeyset
from clusterstate.state.kops_resources.forms import HIDDEN_ANNOTATION, read_file
from clusterstate.state.kops_resources.kinds import place_of
from clusterstate.state.objects import stored


def as_kept(key: str, data: bytes, cluster: str) -> bytes:
    """Give one text for all files that are the same object; the bytes themselves of what is no object, or a broken one.

    What the API server has of its own, such as the generation, is in no such text.
    """
    place = place_of(key, cluster)
    if place is None:
        return data
    try:
        content = read_file(place, key, data, None)
    except (MalformedFile, MalformedKeyset):
        return data
    annotations = {name: text for name, text in (content.annotations or {}).items() if name != HIDDEN_ANNOTATION}
    return msgspec.json.encode([stored(content.spec), content.labels or {}, annotations], order="deterministic")
