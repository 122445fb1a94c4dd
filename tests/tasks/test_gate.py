"""The gate runs real tests by a real pytest, and lets only green code pass."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

from tasks.backends.local.ledger import FileLedger
from tasks.errors import Refused
from tasks.gate import INSIDE, gate_files, known_pass, pass_test_gate, run_tests
from tasks.pytest_output import progress
from tasks.records import Code
from tasks.source import ROOT, read_code

CODE = Code(None, is_dirty=True, digest="0" * 64)
HEAD = "import pytest\n\npytestmark = pytest.mark.gate\n\n\n"


@pytest.fixture
def gate(tmp_path, in_a_flow):
    """Let code with the one test file ``text`` pass, or not."""

    def run(text: str):
        file = tmp_path / "test_it.py"
        file.write_text(text)
        return in_a_flow(run_tests, CODE, tmp_path / "room", [file])

    return run


def test_green_code_passes_with_its_number_of_tests(gate):
    passed = gate(HEAD + "@pytest.mark.parametrize('n', range(3))\ndef test_it(n): assert n < 3\n")

    assert passed.tests == 3
    assert passed.report.is_file()


def test_a_failure_is_named_with_its_message(gate):
    with pytest.raises(Refused) as refused:
        gate(HEAD + "def test_one():\n    assert 1 == 2, 'one is not two'\ndef test_two(): pass\n")

    (reason,) = refused.value.reasons
    assert "test_one" in reason
    assert "one is not two" in reason
    assert "1 of 2 gate tests failed" in str(refused.value)


def test_an_error_outside_a_test_is_a_refusal_too(gate):
    with pytest.raises(Refused, match="no_such_module"):
        gate(HEAD + "import no_such_module\n")


def test_a_gate_without_tests_lets_nothing_pass(gate):
    with pytest.raises(Refused, match="no test is marked `gate`"):
        gate("def test_it(): pass\n")


@pytest.mark.parametrize("spoiled", ["", "<testsuites", None, "failed"])
def test_a_pass_whose_report_is_gone_cut_or_red_since_is_none(tmp_path, gate, spoiled):
    """As a later run with --force leaves it that was killed, or refused the code."""
    ledger = FileLedger(tmp_path / "state")
    on = SimpleNamespace(ledger=ledger)
    passed = gate(HEAD + "def test_it(): pass\n")
    ledger.keep("gate", CODE.digest, passed)
    assert known_pass(on, replace(CODE, commit="abc")).code.commit == "abc"

    if spoiled is None:
        passed.report.unlink()
    elif spoiled == "failed":
        with pytest.raises(Refused):
            gate(HEAD + "def test_it(): raise SystemError\n")
    else:
        passed.report.write_text(spoiled)

    assert known_pass(on, CODE) is None


def test_prod_takes_commits_only(in_a_flow):
    changed = replace(read_code(), commit="abc", is_dirty=True)

    with pytest.raises(Refused, match="prod takes nothing else"):
        in_a_flow(pass_test_gate, SimpleNamespace(name="azure:prod"), changed)


def test_it_does_not_run_inside_itself(monkeypatch, in_a_flow):
    monkeypatch.setenv(INSIDE, "1")

    with pytest.raises(Refused, match="inside the gate"):
        in_a_flow(pass_test_gate, None, CODE)


def test_code_that_changed_meanwhile_is_refused(in_a_flow):
    with pytest.raises(Refused, match="changed since"):
        in_a_flow(pass_test_gate, None, CODE)


def test_files_of_the_gate_are_those_of_the_model_and_those_with_the_mark(tmp_path):
    for name, text in {
        "model/test_mine.py": "",
        "model/serve/test_slow.py": "",
        "data_checks/test_quick.py": HEAD,
        "flows/test_flows.py": HEAD,
    }.items():
        (tmp_path / "tests" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "tests" / name).write_text(text)

    found = [path.name for path in gate_files(tmp_path)]

    assert found == ["test_quick.py", "test_mine.py"]
    assert len(gate_files(ROOT)) > 5


def test_progress_tells_each_file_when_it_is_done_and_each_failure_at_once():
    lines = ["collected 4 items", "tests/a.py::test_one PASSED [ 25%]",
             "tests/a.py::test_two[x y] FAILED [ 50%]", "tests/a.py::test_three PASSED [ 75%]",
             "tests/b.py::test_four PASSED [100%]", "=== 1 failed ==="]  # fmt: skip

    assert list(progress(lines)) == [
        "failed test_two[x y]", "2 passed in tests/a.py", "1 passed in tests/b.py",
    ]  # fmt: skip
