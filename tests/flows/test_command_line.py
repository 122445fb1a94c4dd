"""Bad words get a message of one screen, the right exit code, and no traceback."""

from __future__ import annotations

import socket

import pytest

from flows.cli import COMMANDS, main
from tests.flows.conftest import FAST, copied, free_port

EVERY_KNOB = (
    "--learning-rate", ".1", "--batch-size", "8", "--augment", "none", "--network", "baseline",
)  # fmt: skip


@pytest.fixture(scope="module")
def untouched(tmp_path_factory, prefect_url):
    """A checkout on which nothing was released, nor will be."""
    return copied(tmp_path_factory.mktemp("untouched") / "checkout", prefect_url)


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["release", "--data", "no/such/folder"], 2, "no/such/folder does not exist"),
        (["--dta", "x"], 2, "--dta"),
        (["release", "--name", "../../evil"], 2, "'../../evil' cannot be used"),
        (["release", "--name", "a/b"], 2, "'a/b' cannot be used"),
        (["relase"], 2, "relase"),
        (["release", "--min-accuracy", "1.5"], 2, "min-accuracy"),
        (["release", "--epochs", "0"], 2, "epochs"),
        (["release", "--epochs", "many"], 2, "many"),
        (["release", "--augment", "spin"], 2, "spin"),
        (["release", "--backend", "moon"], 2, "unknown backend 'moon'; choose one of: local"),
        (["release", "--network", "nope"], 2, "unknown network 'nope'"),
        (["tune", "--data", "no/such/folder"], 2, "no/such/folder does not exist"),
        (["tune", "--name", "../../evil"], 2, "'../../evil' cannot be used"),
        (["tune", "--trials", "0"], 2, "trials"),
        (["tune", "--timeout-minutes", "0"], 2, "timeout-minutes"),
        (["tune", "--knobs", "seed"], 2, "'seed' is not in the space"),
        (["tune", "--learning-rate", "20"], 2, "learning-rate"),
        (["tune", *EVERY_KNOB], 2, "nothing is left to search"),
        (["tune", "--backend", "moon"], 2, "unknown backend 'moon'"),
        (["score", "--data", "no/such/folder", "--out", "x"], 2, "no/such/folder does not exist"),
        (["score", "--data", "model/sample/fashion-mnist.parquet"], 2, "--out"),
        (["score", "--data", "x", "--out", "y", "--engine", "ray"], 2, "ray"),
        (["score", "--data", "x", "--out", "y", "--workers", "0"], 2, "workers"),
        (["score", "--data", "x", "--out", "y", "--name", "a/b"], 2, "'a/b' cannot be used"),
        (["score", "--data", "x", "--out", "y", "--backend", "moon"], 2, "unknown backend 'moon'"),
    ],
)
def test_a_wrong_word_is_named(words, code, says, capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("MLOPS_HOME", str(tmp_path))

    assert main(words) == code

    printed = capsys.readouterr()
    assert says in " ".join((printed.out + printed.err).split())
    assert len((printed.out + printed.err).splitlines()) < 30


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["release", "--data", "no/such/folder"], 2, "no/such/folder does not exist"),
        (["release", "--data", "nope://bucket/images"], 3, "nope://bucket/images cannot be read"),
        (["rollback"], 3, "there are: none"),
        (["rollback", "--name", "nope"], 3, "no endpoint 'nope'; there are: none"),
        (["rollback", "--name", "a/b"], 2, "cannot be used"),
        (["stop", "--name", "nope"], 3, "no endpoint 'nope'"),
        (["verify", "nope"], 3, "no evidence 'nope'"),
    ],
)
def test_what_is_not_there_is_named(untouched, words, code, says):
    done = untouched(*words)

    assert done.returncode == code, done.stdout + done.stderr
    said = " ".join((done.stdout + done.stderr).replace("│", " ").split())
    assert says in said
    assert "Traceback" not in said
    assert len((done.stdout + done.stderr).splitlines()) < 30


@pytest.mark.parametrize("port", ["99999", "0", "-1"])
@pytest.mark.parametrize("command", ["release", "ui"])
def test_a_port_that_cannot_be_is_refused_at_once(command, port, capsys):
    assert main([command, "--port", port]) == 2

    assert f'"{port}" for --port' in capsys.readouterr().err


def test_the_version_is_that_of_the_project(capsys):
    assert main(["--version"]) == 0

    assert capsys.readouterr().out == "image-classifier-mlops 0.1.0\n"


@pytest.mark.slow
def test_a_port_in_use_is_named_with_its_owner(released, pictures):
    port = free_port()
    with socket.create_server(("127.0.0.1", int(port))):
        done = released("release", "--data", str(pictures), *FAST, "--port", port)

    assert done.returncode == 4, done.stdout + done.stderr
    assert f"port {port} is held by" in done.stderr
    assert released("release", "--data", str(pictures), *FAST, "--port", port).returncode == 0


def test_a_state_folder_that_cannot_be_written_is_named(untouched, tmp_path):
    (tmp_path / "file").write_text("in the way")

    done = untouched("status", MLOPS_HOME=str(tmp_path / "file" / "state"))

    assert done.returncode == 4
    assert "cannot be written" in done.stderr
    assert "MLOPS_HOME" in done.stderr


def test_half_written_state_is_no_obstacle(released, pictures):
    for path in released.state.rglob("*.json"):
        is_known = path.parent.name in ("validate", "gate", "evaluate")
        if is_known or {"endpoints", "light"} <= {*path.parts}:
            path.write_text(path.read_text()[:10])

    done = released("release", "--data", str(pictures), *FAST)

    assert done.returncode == 0, done.stdout + done.stderr
    assert released("status").returncode == 0


def test_quiet_prints_the_result_only(released, pictures):
    done = released("release", "--data", str(pictures), *FAST, "--quiet")

    assert done.returncode == 0
    assert done.stdout.strip().splitlines()[0].startswith("light version")


def test_a_prefect_api_that_does_not_answer_is_told(tmp_path):
    from prefect.settings import PREFECT_API_URL, temporary_settings

    from flows.server import prefect_api
    from tasks.errors import Transient

    nobody = {PREFECT_API_URL: f"http://127.0.0.1:{free_port()}/api"}
    with (
        temporary_settings(nobody),
        pytest.raises(Transient, match="or unset it"),
        prefect_api(tmp_path),
    ):
        pass


def test_the_doctor_finds_this_machine_well(flows):
    done = flows("doctor")

    assert done.returncode == 0, done.stdout
    assert done.stdout.count("well") == 8


def test_the_doctor_says_what_is_ill_and_its_cure(flows):
    (flows.state / "mlflow.db").write_text("this is no database")

    done = flows("doctor", PREFECT_API_URL="http://127.0.0.1:9/api")

    assert done.returncode == 4
    assert "MLflow database" in done.stdout
    assert done.stdout.count("cure:") == 2


def test_the_short_help_is_that_of_the_commands():
    from flows import commands

    for name, text in COMMANDS.items():
        assert getattr(commands, name).__doc__.strip().splitlines()[0] == text
