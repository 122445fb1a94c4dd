"""A Prefect server, and a repository with the pipelines, for the tests of one file."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Iterator

import pytest

from tests.conftest import ROOT
from tests.flows.conftest import copied
from tests.pipelines.site import FILES, KEY, Site, git


@pytest.fixture(scope="module")
def prefect_url(tmp_path_factory) -> Iterator[str]:
    """A Prefect server for the tests of one file."""
    from flows.server import prefect_server

    listener = socket.create_server(("127.0.0.1", 0))
    with prefect_server(tmp_path_factory.mktemp("prefect"), listener, has_ui=False) as url:
        yield url


@pytest.fixture(scope="module")
def site(tmp_path_factory, prefect_url) -> Site:
    made = Site(tmp_path_factory.mktemp("site"), prefect_url)
    (made.azure / "secrets").mkdir(parents=True)
    (made.azure / "secrets" / "prefect-api-key").write_text(KEY)
    copied(made.repository, prefect_url)
    shutil.rmtree(made.repository / ".mlops")
    for name in FILES:
        shutil.copy(ROOT / name, made.repository)
    wanted = made.repository / "prefect.yaml"
    text = wanted.read_text()
    for there, here in {
        "/opt/mlops": str(made.azure / "worker"),
        'backend: "azure:dev"': 'backend: "local"',
        "active: true": "active: false",
    }.items():
        assert there in text
        text = text.replace(there, here)
    wanted.write_text(text)
    git(made.repository, "init", "--quiet", "--initial-branch", "main")
    git(made.repository, "config", "user.email", "ann@example.org")
    git(made.repository, "config", "user.name", "Ann Lee")
    return made
