"""``infra/audit``, with pip-audit itself, against a service of known holes on this machine."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from subprocess import CompletedProcess

import pytest

from tests.infra.engine import run

LOCKED = "".join(f"{name}==1.0.0 --hash=sha256:{'0' * 64}\n" for name in ("sound", "frail"))
HOLE = {
    "id": "GHSA-aaaa-bbbb-cccc",
    "aliases": ["CVE-2030-1"],
    "summary": "reads what it should not",
    "affected": [
        {
            "package": {"name": "frail", "ecosystem": "PyPI"},
            "ranges": [
                {"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "1.0.1"}]},
            ],
        }
    ],
}
EXCUSE = """
[[exception]]
id = "{id}"
package = "Frail"
reason = "we never let it read"
until = {until}
"""


class Known(BaseHTTPRequestHandler):
    """Answers as OSV does: frail has a hole, nothing else has."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        found = {"vulns": [HOLE]} if asked["package"]["name"] == "frail" else {}
        body = json.dumps(found).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """The tests' output stays readable."""


@pytest.fixture(scope="module")
def service() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Known) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/v1/query"
        server.shutdown()


Audit = Callable[..., CompletedProcess[str]]


@pytest.fixture
def audit(service, tmp_path) -> Audit:
    """``audit(locked, exceptions, *options)``"""

    def audited(locked: str, exceptions: str = "", *options: str, osv: str = service):
        (tmp_path / "locked.txt").write_text(locked)
        (tmp_path / "exceptions.toml").write_text(exceptions)
        return run(
            sys.executable, "infra/audit", "--requirement", tmp_path / "locked.txt",
            "--exceptions", tmp_path / "exceptions.toml",
            "--vulnerability-service=osv", f"--osv-url={osv}", *options, NO_PROXY="127.0.0.1",
        )  # fmt: skip

    return audited


def test_packages_without_a_hole_pass(audit):
    done = audit(LOCKED.splitlines()[0])

    assert (done.returncode, done.stderr) == (0, "")
    assert "audited 1 locked packages: no known hole" in done.stdout


def test_a_hole_is_refused_with_its_names_and_its_cure(audit):
    done = audit(LOCKED)

    assert done.returncode == 3
    assert "frail 1.0.0: CVE-2030-1, GHSA-aaaa-bbbb-cccc: repaired in 1.0.1" in done.stderr


@pytest.mark.parametrize("name", ["GHSA-aaaa-bbbb-cccc", "CVE-2030-1"])
def test_a_hole_is_excused_by_any_of_its_names_until_a_day(audit, name):
    done = audit(LOCKED, EXCUSE.format(id=name, until="2999-12-31"))

    assert done.returncode == 0
    assert "1 excused" in done.stdout


def test_an_excuse_is_for_one_hole_of_one_package(audit):
    other_hole = EXCUSE.format(id="CVE-2030-2", until="2999-12-31")
    other_package = EXCUSE.format(id="CVE-2030-1", until="2999-12-31").replace("Frail", "sound")

    assert audit(LOCKED, other_hole + other_package).returncode == 3


def test_an_excuse_ends_also_where_nobody_can_be_asked(audit):
    done = audit(LOCKED, EXCUSE.format(id="CVE-2030-1", until="2020-01-31"),
                 osv="http://127.0.0.1:1/")  # fmt: skip

    assert done.returncode == 3
    assert "CVE-2030-1 of Frail was excused until 2020-01-31" in done.stderr


@pytest.mark.parametrize(
    "exceptions",
    [
        '[[exception]]\nid = "CVE-2030-1"\npackage = "frail"\nuntil = 2999-12-31\n',
        EXCUSE.format(id="CVE-2030-1", until="2999-12-31").replace("we never let it read", ""),
        EXCUSE.format(id="CVE-2030-1", until='"next year"'),
        "[[exception",
    ],
    ids=["no reason", "an empty reason", "no day", "no TOML"],
)
def test_an_unfit_excuse_is_refused(audit, exceptions):
    done = audit(LOCKED, exceptions)

    assert done.returncode == 3
    assert "exceptions.toml" in done.stderr


def test_a_service_that_cannot_be_reached_is_no_pass(audit):
    done = audit(LOCKED, osv="http://127.0.0.1:1/")

    assert (done.returncode, done.stdout) == (0, "")
    assert "NOT AUDITED" in done.stderr
    assert audit(LOCKED, "", "--required", osv="http://127.0.0.1:1/").returncode == 4


def test_an_option_that_pip_audit_does_not_know_is_told(audit):
    done = audit(LOCKED, "", "--no-such-option")

    assert done.returncode == 2
    assert "--no-such-option" in done.stderr
