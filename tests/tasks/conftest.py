"""A flow around what is tested, on a real Prefect server."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.flows.conftest import prefect_url

__all__ = ["prefect_url"]


@pytest.fixture
def in_a_flow(prefect_url) -> Callable:
    """Call a function as the body of a flow run, and give its answer or its error."""
    from prefect import flow
    from prefect.settings import PREFECT_API_URL, temporary_settings

    def call(body, *arguments):
        with temporary_settings({PREFECT_API_URL: prefect_url}):
            return flow(name="test", persist_result=False)(lambda: body(*arguments))()

    return call
