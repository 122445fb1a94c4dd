"""``python -m model.train --workers 2`` on a real Spark: to its end, and killed on the way."""

from __future__ import annotations

import re
import signal

import pytest

from model.folder import ModelFolder
from tests.model.spread.conftest import line_with, the_rest, wait_for

pytestmark = [pytest.mark.spark, pytest.mark.timeout(900)]
EPOCHS = 12
WORKER = "model.spread.worker"


@pytest.fixture(scope="module")
def whole(programs, some_clothes, tmp_path_factory):
    """A training that nobody disturbed: what it said, and the folder that it left."""
    out = tmp_path_factory.mktemp("whole") / "out"
    program = programs.train(some_clothes, out, "--epochs", str(EPOCHS))
    said = the_rest(program, [])
    assert program.returncode == 0, said
    return said, ModelFolder.read(out)


def epochs_told(said: str) -> list[int]:
    """In their order. Java, which shares the terminal, may leave a line without its end before."""
    return [int(n) for n in re.findall(r"epoch (\d+)/\d+  loss", said)]


def test_two_workers_leave_a_whole_model_folder(whole, programs):
    said, folder = whole

    folder.verify()
    assert "600 training images of shape (28, 28, 1), 100 test images, 10 classes" in said
    assert "2 workers ended with the same weights" in said
    assert epochs_told(said) == list(range(1, EPOCHS + 1))
    assert len((folder.path / "progress.jsonl").read_text().splitlines()) == EPOCHS
    assert folder.manifest["workers"] == folder.manifest["config"]["workers"] == 2
    assert folder.metrics["train_images"] == 600
    assert folder.metrics["accuracy"] > 0.6
    programs.leave_nothing()


def test_a_killed_worker_is_replaced_and_the_run_ends_as_if_it_had_not_been(
    whole, programs, some_clothes, tmp_path
):
    lines: list[str] = []
    program = programs.train(some_clothes, tmp_path / "out", "--epochs", str(EPOCHS))
    line_with(program, "epoch 3/", lines)
    victim = programs.running(WORKER)[1]

    victim.kill()
    said = the_rest(program, lines)

    assert program.returncode == 0, said
    lost = re.search(
        r"^worker \d of 2 was lost: ended by signal 9; going on from epoch (\d+)", said, re.M
    )
    assert lost, said
    assert 3 <= int(lost[1]) < EPOCHS
    assert lost[0] in (tmp_path / "out" / "notes.txt").read_text()
    assert epochs_told(said) == list(range(1, EPOCHS + 1))
    assert ModelFolder.read(tmp_path / "out").digest == whole[1].digest
    programs.leave_nothing()


def test_a_killed_spark_task_takes_its_worker_along(whole, programs, some_clothes, tmp_path):
    lines: list[str] = []
    program = programs.train(some_clothes, tmp_path / "out", "--epochs", str(EPOCHS))
    line_with(program, "epoch 2/", lines)
    worker = programs.running(WORKER)[0]

    worker.parent().kill()
    wait_for(lambda: not worker.is_running(), lambda: "its worker is still there")
    said = the_rest(program, lines)

    assert program.returncode == 0, said
    assert re.search(r"lost.*going on from epoch \d", said)
    assert ModelFolder.read(tmp_path / "out").digest == whole[1].digest
    programs.leave_nothing()


def test_a_killed_driver_leaves_nothing_and_the_same_command_goes_on(
    whole, programs, some_clothes, tmp_path
):
    lines: list[str] = []
    command = (some_clothes, tmp_path / "out", "--epochs", str(EPOCHS))
    program = programs.train(*command)
    line_with(program, "epoch 3/", lines)

    program.kill()
    program.communicate()
    programs.leave_nothing()
    again = programs.train(*command)
    said = the_rest(again, [])

    assert again.returncode == 0, said
    assert epochs_told(said)[0] >= 3
    assert epochs_told(said)[-1] == EPOCHS
    assert ModelFolder.read(tmp_path / "out").digest == whole[1].digest
    programs.leave_nothing()


def test_a_killed_spark_is_told_and_leaves_nothing(programs, some_clothes, tmp_path):
    lines: list[str] = []
    program = programs.train(some_clothes, tmp_path / "out", "--epochs", str(EPOCHS))
    line_with(program, "epoch 1/", lines)

    programs.running("org.apache.spark.deploy.SparkSubmit")[0].kill()
    said = the_rest(program, lines)

    assert program.returncode == 4, said
    assert re.search(r"^failed: Spark lost a worker: .*4 attempts in a row", said, re.M), said
    programs.leave_nothing()


def test_an_interrupted_driver_leaves_nothing(programs, some_clothes, tmp_path):
    lines: list[str] = []
    program = programs.train(some_clothes, tmp_path / "out", "--epochs", str(EPOCHS))
    line_with(program, "epoch 1/", lines)

    program.send_signal(signal.SIGINT)
    the_rest(program, lines)

    assert program.returncode != 0
    programs.leave_nothing()


def test_a_finished_training_that_was_not_reported_is_not_repeated(
    whole, programs, some_clothes, tmp_path
):
    said, folder = whole
    out = tmp_path / "out"
    (out / "checkpoints").mkdir(parents=True)
    (out / "checkpoints" / "last.npz").write_bytes(
        (folder.path / "checkpoints" / "last.npz").read_bytes()
    )

    program = programs.train(some_clothes, out, "--epochs", str(EPOCHS))
    said = the_rest(program, [])

    assert program.returncode == 0, said
    assert epochs_told(said) == [EPOCHS]
    assert "worker 0:" not in said
    assert ModelFolder.read(out).digest == folder.digest


def test_more_workers_than_slots_are_refused(programs, some_clothes, tmp_path):
    program = programs.train(some_clothes, tmp_path / "out", "--workers", "3")
    said = the_rest(program, [])

    assert program.returncode == 3, said
    assert "refused: 3 workers were asked for, and Spark runs 2 tasks at once" in said
    assert "--workers 2" in said
    assert list((tmp_path / "out").iterdir()) == []


def test_a_loss_that_is_no_number_is_refused_at_once(whole, programs, some_clothes, tmp_path):
    (tmp_path / "out").mkdir()
    for name in ("progress.jsonl", "checkpoints"):  # what another configuration left is not told
        (whole[1].path / name).rename(tmp_path / "out" / name)
    wild = ("--learning-rate", "10", "--weight-decay", "1", "--epochs", "40")
    program = programs.train(some_clothes, tmp_path / "out", *wild)
    said = the_rest(program, [])

    assert program.returncode == 3, said
    assert re.search(r"^refused: the loss is (nan|inf) in epoch \d+: training diverged", said, re.M)
    assert "going on" not in said
    assert EPOCHS not in epochs_told(said)
    programs.leave_nothing()


def test_the_second_folder_gets_what_the_next_machine_needs(
    whole, programs, some_clothes, tmp_path
):
    tracking = f"sqlite:///{tmp_path}/mlflow.db"
    mirror = ("--mirror", str(tmp_path / "mirror"), "--epochs", str(EPOCHS),
              "--tracking-uri", tracking, "--experiment", "clothes")  # fmt: skip
    lines: list[str] = []
    program = programs.train(some_clothes, tmp_path / "one", *mirror)
    line_with(program, "epoch 3/", lines)
    program.kill()
    program.communicate()
    programs.leave_nothing()
    assert not (tmp_path / "one" / "checkpoints").exists()

    again = programs.train(some_clothes, tmp_path / "two", *mirror)
    said = the_rest(again, [])

    assert again.returncode == 0, said
    assert epochs_told(said)[0] >= 3
    assert ModelFolder.read(tmp_path / "mirror").digest == whole[1].digest
    assert tracked(tracking) == list(range(1, EPOCHS + 1))
    programs.leave_nothing()


def tracked(uri: str) -> list[int]:
    """The epochs that the only run in MLflow has, which has ended well."""
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=uri)
    (run,) = client.search_runs([client.get_experiment_by_name("clothes").experiment_id])
    assert run.info.status == "FINISHED"
    return sorted({each.step for each in client.get_metric_history(run.info.run_id, "loss")})
