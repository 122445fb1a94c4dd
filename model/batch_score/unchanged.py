"""The images of a scoring stay what they are while it works."""

from __future__ import annotations

from model.batch_score.place import BadPlace, Place
from model.images import open_unlabelled


def is_same(data: str, mark: str | None, digest: str) -> bool:
    """Looked at anew, is the data set still that of ``digest``, and of ``mark`` if it had one?"""
    import fsspec

    fsspec.core.url_to_fs(data)[0].invalidate_cache()
    again = open_unlabelled(data)
    return (mark is not None and again.mark() == mark) or again.digest() == digest


def keep_apart(data: str, place: Place) -> None:
    """Scores inside of the images would be images. Raises BadPlace."""
    import fsspec

    system, root = fsspec.core.url_to_fs(data)
    if place.is_on(system) and f"{place.root}/".startswith(f"{root.rstrip('/')}/"):
        raise BadPlace(f"{place.uri} lies within the data, {data}: give a folder beside it")
