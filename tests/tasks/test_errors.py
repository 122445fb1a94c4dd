"""Failures of things that do not depend on each other."""

from __future__ import annotations

import pytest

from tasks.errors import Independent, Refused, Transient


def test_each_is_tried_and_all_that_failed_is_told():
    each, done = Independent(), []
    for error in (Transient("a does not answer"), None, Refused("c has no model")):
        with each.tried():
            if error:
                raise error
            done.append("b")

    assert done == ["b"]
    with pytest.raises(Transient, match="a does not answer\nc has no model"):
        each.finish()


def test_a_bug_is_no_such_failure():
    with pytest.raises(ZeroDivisionError), Independent().tried():
        raise ZeroDivisionError


def test_nothing_failed():
    Independent().finish()
