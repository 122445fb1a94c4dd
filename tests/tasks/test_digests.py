"""Digests tell what changed, and only that."""

from __future__ import annotations

from tasks.digests import digest_of, digest_of_tree


def test_the_order_of_keys_does_not_matter_and_that_of_items_does():
    assert digest_of({"a": 1, "b": [1, 2]}) == digest_of({"b": [1, 2], "a": 1})
    assert digest_of([1, 2]) != digest_of([2, 1])
    assert digest_of("1") != digest_of(1)


def test_a_tree_changes_with_content_and_with_names(tmp_path):
    a, b = tmp_path / "a", tmp_path / "b"
    a.write_text("one")
    b.write_text("two")
    before = digest_of_tree(tmp_path, [a, b])

    assert digest_of_tree(tmp_path, [b, a]) == before
    b.write_text("three")
    assert digest_of_tree(tmp_path, [a, b]) != before
    b.rename(tmp_path / "c")
    (tmp_path / "c").write_text("two")
    assert digest_of_tree(tmp_path, [a, tmp_path / "c"]) != before
