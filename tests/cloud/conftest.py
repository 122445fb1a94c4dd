"""A stand-in cloud whose storage can be made to fail as well."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cloud.parts import reached
from tests.cloud.stand_in import StandIn


@pytest.fixture(scope="module")
def relayed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    """One that this process itself may reach."""
    with reached(tmp_path_factory.mktemp("cloud")) as made:
        yield made
