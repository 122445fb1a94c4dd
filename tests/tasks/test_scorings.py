"""One scoring at a time writes to a place, however that is written."""

from __future__ import annotations

import pytest

from tasks.score import placed
from tasks.scorings import token_of
from tasks.state import CHECKOUT


@pytest.mark.parametrize(
    "written",
    ["answers", "./answers/", f"{CHECKOUT}/other/../answers", f"file://{CHECKOUT}/answers"],
)
def test_a_folder_has_one_token(written):
    assert token_of(placed(written)) == token_of(str(CHECKOUT / "answers"))


def test_a_url_stays_what_it_is():
    assert placed("az://images/answers/") == "az://images/answers"
