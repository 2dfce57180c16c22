"""What the server keeps, and in which order it lists it."""

import pytest

from tests.support.oss.storage import Bucket, crc64, is_name


def bucket_of(*keys: str) -> Bucket:
    bucket = Bucket("b", "cn-hangzhou", "1")
    for key in keys:
        bucket.put(key, key.encode())
    return bucket


def pages_of(bucket: Bucket, prefix: str = "", delimiter: str = "", after: str = "", most: int = 2) -> list[list[str]]:
    pages = []
    while True:
        page = bucket.page(prefix, delimiter, after, most)
        pages.append(sorted([*(key for key, _ in page.entries), *page.prefixes], key=str.encode))
        if not page.follows:
            return pages
        after = page.follows


def all_of(pages: list[list[str]]) -> list[str]:
    return [name for page in pages for name in page]


def test_the_checksum_is_that_of_the_standard() -> None:
    assert crc64(b"123456789") == 0x995DC9BBDF1939FA


def test_names_come_in_the_order_of_their_bytes() -> None:
    keys = ["😀", "z", "ä", "a/b", "a-b", "a0"]
    assert all_of(pages_of(bucket_of(*keys))) == sorted(keys, key=str.encode)


def test_a_folder_is_one_entry_wherever_a_page_ends() -> None:
    bucket = bucket_of("a/1", "a/2", "a/3", "b", "c/1", "c/2", "d")
    for most in (1, 2, 3, 4, 5):
        assert all_of(pages_of(bucket, "", "/", most=most)) == ["a/", "b", "c/", "d"]
    assert pages_of(bucket, "a/", "/") == [["a/1", "a/2"], ["a/3"]]


def test_a_listing_starts_behind_a_name() -> None:
    bucket = bucket_of("a", "b", "b/1", "c")
    assert pages_of(bucket, after="a") == [["b", "b/1"], ["c"]]
    assert pages_of(bucket, "b", after="b") == [["b/1"]]
    assert pages_of(bucket, after="z") == [[]]


def test_what_is_removed_is_listed_no_more() -> None:
    bucket = bucket_of("a", "b")
    bucket.remove("a")
    bucket.remove("never")
    assert pages_of(bucket) == [["b"]]


def test_an_etag_is_the_md5_where_nothing_was_put_together() -> None:
    stored = bucket_of("a").objects["a"]
    assert stored.etag == "0CC175B9C0F1B6A831C399E269772661"
    assert stored.md5 == "DMF1ucDxtqgxw5niaXcmYQ=="
    parts = bucket_of().put("a", b"a", "Multipart")
    assert parts.etag.endswith("-2")
    assert parts.md5 == ""


@pytest.mark.parametrize(("versioning", "known"), [("", False), ("Enabled", True), ("Suspended", True)])
def test_a_bucket_that_kept_versions_once_tells_them(versioning: str, known: bool) -> None:  # noqa: FBT001 (a parameter)
    bucket = Bucket("b", "cn-hangzhou", "1", versioning)
    assert bool(bucket.put("a", b"x").version_id) is known


@pytest.mark.parametrize(
    ("key", "good"), [("a" * 1023, True), ("é" * 512, False), ("a" * 1024, False), ("", False), ("/a", False)]
)
def test_names_have_their_limits(key: str, good: bool) -> None:  # noqa: FBT001 (a parameter)
    assert is_name(key) is good
