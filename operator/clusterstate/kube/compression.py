"""gzip for what is kept in Kubernetes objects: the same bytes each time, and never more back than was asked for."""

import gzip
import zlib
from typing import Final

_GZIP: Final = zlib.MAX_WBITS | 16


def compress(data: bytes) -> bytes:
    """Give the compressed form; equal bytes give equal ones."""
    return gzip.compress(data, mtime=0)


def decompress(data: bytes, most: int) -> bytes:
    """Give what was compressed; raise `ValueError` where it was cut off, or has more than `most` bytes.

    Of too many no more are made than show that.
    """
    stream = zlib.decompressobj(_GZIP)
    try:
        plain = stream.decompress(data, most + 1)
    except zlib.error:
        raise ValueError from None
    if not stream.eof or len(plain) > most:
        raise ValueError
    return plain
