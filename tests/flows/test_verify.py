"""verify and status on evidence of every sort: nothing passes unchecked, nothing is a traceback."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator

import pytest

from flows.cli import main
from tasks.digests import digest_of_file

WHOLE = {"kind": "release", "ended": "2026-01-02T03:04:05+00:00", "outcome": "done", "why": ""}


@pytest.fixture
def state(tmp_path, monkeypatch):
    monkeypatch.setenv("MLOPS_HOME", str(tmp_path / "state"))
    return tmp_path / "state"


@pytest.fixture
def keep(state):
    def write(name: str, **fields: object) -> None:
        (state / "evidence").mkdir(parents=True, exist_ok=True)
        (state / "evidence" / f"{name}.json").write_text(json.dumps({**WHOLE, **fields}))

    return write


@pytest.fixture(params=[b"<html>", b"[]", b"{}", b"\xff"])
def stranger(request) -> Iterator[str]:
    """Another program's address, and what it answers."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(request.param)

        def log_message(self, *_: object) -> None: ...

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_the_newest_evidence_of_one_name_is_verified(keep, capsys):
    keep("1-release", digests={"version:shoes/4": "a" * 64})
    keep("2-release", digests={"version:bags/7": "b" * 64})

    assert code_of(["verify", "--name", "shoes"]) == 3
    assert "1-release.json: release, done" in capsys.readouterr().out
    assert code_of(["verify", "--name", "hats"]) == 3
    assert "no evidence of a version of hats" in capsys.readouterr().err


def test_what_differs_is_shown_as_it_is_and_as_it_was(keep, tmp_path, capsys):
    file = tmp_path / "report"
    file.write_text("as it was not")
    keep("1-release", digests={str(file): "c" * 64})

    assert code_of(["verify"]) == 3
    shown = f"DIFFERS {file} {digest_of_file(file)[:12]}, was {'c' * 12}"
    assert shown in capsys.readouterr().out


def test_status_names_the_version_of_each_release(keep, capsys):
    keep("1-release", digests={"version:shoes/4": "a" * 64})

    assert code_of(["status"]) == 0
    assert "shoes 4" in capsys.readouterr().out


def test_the_newest_evidence_with_digests_is_verified(keep, tmp_path, capsys):
    file = tmp_path / "report"
    file.write_text("as it was")
    keep("1-release", digests={str(file): digest_of_file(file)})
    keep("2-rollback", digests={}, kind="rollback", outcome="refused")

    assert code_of(["verify"]) == 0
    assert "1-release.json: release, done" in capsys.readouterr().out

    file.write_text("changed")
    assert code_of(["verify"]) == 3
    assert str(file) in capsys.readouterr().err


def test_evidence_without_digests_never_passes(keep, capsys):
    keep("2-rollback", digests={})

    assert code_of(["verify"]) == 3
    assert "no evidence with digests" in capsys.readouterr().err
    assert code_of(["verify", "2-rollback"]) == 3
    assert "has no digests" in capsys.readouterr().err


def test_another_program_at_the_address_of_the_endpoint_differs(keep, stranger, capsys):
    keep("1-release", digests={f"endpoint:{stranger}": "digest"})

    assert code_of(["verify"]) == 3
    assert f"(none: what answers at {stranger} is no endpoint of ours)" in capsys.readouterr().out


@pytest.mark.parametrize("content", ["{}", "[]", "", '{"kind": 1}'])
def test_a_file_that_is_no_evidence_is_refused_and_status_passes_it_over(
    state, keep, content, capsys
):
    keep("1-release", digests={})
    (state / "evidence" / "2-other.json").write_text(content)

    assert code_of(["verify", "2-other"]) == 3
    assert "is no evidence of a release" in capsys.readouterr().err
    assert code_of(["status"]) == 0
    assert "2026-01-02 03:04 UTC" in capsys.readouterr().out


@pytest.mark.parametrize("words", [["status"], ["status", "--repair"]])
@pytest.mark.parametrize(
    ("live", "deployment"), [('{"live": "v1"}', '{"endpoint": "li'), ('{"li', "{}")]
)
def test_an_endpoint_whose_files_are_cut_is_unknown_not_well(
    state, words, live, deployment, capsys
):
    service = state / "endpoints" / "light" / "services" / "v1"
    service.mkdir(parents=True)
    (service / "deployment.json").write_text(deployment)
    (state / "endpoints" / "light" / "state.json").write_text(live)

    assert code_of(words) == 4
    printed = capsys.readouterr().out
    assert "unknown" in printed
    assert "what light serves cannot be read" in printed
    assert service.is_dir()


def code_of(words: list[str]) -> int:
    """The exit code, whether the command line answers it or ends with it."""
    try:
        return main(words)
    except SystemExit as ended:
        return int(ended.code or 0)
