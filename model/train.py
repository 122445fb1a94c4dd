"""
``python -m model.train --data URI --out DIR``: from images to a model folder. A program of its own.

Killed at any moment, the same command goes on from the last epoch; on a finished folder it answers
at once, for images that lie where they lay. Exit codes: 0 done · 1 bug · 2 usage · 3 the data
cannot be learned from, or not by so many workers, or the folder holds another model · 4 workers
were lost again and again, or a disk, the storage or the network failed · 130 interrupted.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, CycloptsError, Parameter
from pydantic import ValidationError

from model.config import TrainConfig, faults
from model.devices import before_tensorflow
from model.folder import MANIFEST, BadModelFolder, ModelFolder
from model.images import BadDataset, ImageSet, open_images
from model.mirror import Mirror
from model.pixels import BadImage

if TYPE_CHECKING:
    from model.checkpoint import Progress
    from model.learner import Tell
    from model.tracking import Run

SENTENCE = (
    "epoch {epoch:g}/{epochs:g}  loss {loss:.4f}  accuracy {accuracy:.4f}  validation loss "
    "{val_loss:.4f}  accuracy {val_accuracy:.4f}  {images_per_s:,.0f} images/s"
)


class Occupied(ValueError):
    """The folder holds another model than was asked for; the message says which."""


app = App(
    name="python -m model.train",
    help=__doc__,
    version_flags=[],
    result_action="return_value",
    suppress_keyboard_interrupt=False,
)


@app.default
def train(
    *,
    data: str,
    out: Path,
    mirror: Path | None = None,
    config: Annotated[TrainConfig, Parameter(name="*")] = TrainConfig(),  # noqa: B008 (frozen)
    tracking_uri: str | None = None,
    experiment: str | None = None,
    run_name: str | None = None,
    tag: list[str] | None = None,
    dataset_digest: str | None = None,
) -> int:
    """
    Train an image classifier and write a model folder.

    Parameters
    ----------
    data
        Folder with a folder a class, Parquet file, IDX folder, or an fsspec URL of one.
    out
        The model folder to write; also holds the checkpoints while training.
    mirror
        A second folder that gets a copy after each epoch, and from which a new machine goes on.
    tracking_uri
        MLflow to write parameters, metrics by epoch and files to; none if left out.
    experiment
        MLflow experiment; by default the name of the data.
    run_name
        Name of the MLflow run.
    tag
        KEY=VALUE for the MLflow run and the manifest; may be repeated.
    dataset_digest
        What was checked: images of another digest are refused.
    """
    from model.fit import CannotLearn
    from model.spread.failures import CannotSpread, WorkersLost

    copy = Mirror(out, mirror) if mirror else None
    tags = dict(word.partition("=")[::2] for word in tag or [])
    try:
        if copy:
            copy.pull()
        if done := _finished(out):
            is_copy = mirror is not None and (mirror / MANIFEST).exists()
            place = mirror if mirror and is_copy else out
            _ask_for_same(done, config, data, dataset_digest, place)
            print(f"{out} holds a finished model of {_uri(done)} already")
            if copy:
                copy.push()  # the one who finished it may have died before this
            return 0
        _train(data, out, config, copy, tracking_uri, experiment, run_name, tags, dataset_digest)
    except (BadDataset, BadImage, CannotLearn, CannotSpread, Occupied) as error:
        print(f"refused: {error}", file=sys.stderr)
        return 3
    except (WorkersLost, OSError) as error:
        print(f"failed: {error}", file=sys.stderr)
        return 4
    return 0


def _train(
    data: str,
    out: Path,
    config: TrainConfig,
    copy: Mirror | None,
    tracking_uri: str | None,
    experiment: str | None,
    run_name: str | None,
    tags: dict[str, str],
    checked: str | None,
) -> None:
    from model.checkpoint import Checkpoint, network_digest, run_key
    from model.learner import CHECKPOINTS, learner
    from model.report import write_report
    from model.tracking import ends_with, open_run

    out.mkdir(parents=True, exist_ok=True)
    images = open_images(data)
    with learner(images, config, out, copy.place if copy else None) as found:
        arrays = found.arrays
        print(f"{arrays.train_images:,} training images of shape {arrays.shape}, "
              f"{arrays.test_images:,} test images, {len(images.labels)} classes",
              flush=True)  # fmt: skip
        digest, code = _digest(images, checked), network_digest()
        key = run_key(config, digest)
        if Checkpoint(out / CHECKPOINTS, key).is_of_another():
            print(f"the epochs in {out} are of other options, images or code: it begins anew",
                  flush=True)  # fmt: skip
        run = open_run(tracking_uri, experiment or images.name, run_name, tags, out, key)
        with ends_with(run):
            run.parameters(config.model_dump())
            model, progress = found.fit(key, _teller(run, copy))
            folder = write_report(
                model, progress, images, arrays, config, out, digest=digest,
                seconds=sum(epoch["seconds"] for epoch in progress.history),
                facts={
                    "tags": tags, "mlflow_run_id": run.id, "workers": config.workers,
                    "network_code": code,
                },
            )  # fmt: skip
    run.finish(folder)
    if copy:
        copy.push()
    print(f"test accuracy {folder.metrics['accuracy']:.4f}; model {folder.digest[:12]} in {out}")


def _teller(run: Run, copy: Mirror | None) -> Tell:
    """Tells each epoch: to a person, to MLflow, to the second folder."""
    told = 0

    def tell(progress: Progress) -> None:
        nonlocal told
        if progress.history:
            print(SENTENCE.format(**progress.history[-1]), flush=True)
        for measures in progress.history[told:]:  # who was killed may not have told the last ones
            run.epoch(measures)
        told = len(progress.history)
        if copy:
            copy.push()

    return tell


def _digest(images: ImageSet, checked: str | None) -> str:
    """The digest of the images that were read. Raises BadDataset: not that of what was checked."""
    digest = images.digest()
    if checked not in (None, digest):
        raise BadDataset(f"{images.uri} changed since it was checked: its digest was "
                         f"{str(checked)[:12]}, and is {digest[:12]}; start the release again"
                         )  # fmt: skip
    return digest


def _finished(out: Path) -> ModelFolder | None:
    try:
        folder = ModelFolder.read(out)
        folder.verify()
    except BadModelFolder:
        return None
    return folder


def _uri(done: ModelFolder) -> str | None:
    uri: str | None = done.manifest.get("dataset", {}).get("uri")
    return uri


def _ask_for_same(
    done: ModelFolder, config: TrainConfig, data: str, digest: str | None, place: Path
) -> None:
    """Raises Occupied: the model is of other options, images or code than were asked for."""
    from model.checkpoint import network_digest

    wanted = config.model_dump()
    told = done.manifest.get("config", wanted)  # options that came later were as by default
    kept = TrainConfig().model_dump() | told
    others = [
        f"--{name.replace('_', '-')} {kept[name]}, not {value}"
        for name, value in wanted.items()
        if kept[name] != value
    ]
    found = done.manifest.get("dataset", {}).get("digest", "")
    if digest is None and data != _uri(done):
        digest = open_images(data).digest()
    if digest not in (None, found):
        others.append(f"images of digest {found[:12]}, not {str(digest)[:12]}")
    if done.manifest.get("network_code") not in (None, network_digest()):
        others.append("model/network.py as it was, before it was edited")
    if others:
        option = "--out" if place == done.path else "--mirror"
        raise Occupied(f"{place} holds a finished model already, trained with "
                       f"{'; '.join(others)}; give another {option}, or remove it")  # fmt: skip


def main() -> int:
    """Run the command line; answer its exit code."""
    before_tensorflow()
    try:
        return int(app(exit_on_error=False, print_error=False) or 0)
    except CycloptsError as error:
        cause = error.__cause__
        print(f"usage: {faults(cause) if isinstance(cause, ValidationError) else error}; "
              "see --help", file=sys.stderr)  # fmt: skip
        return 2
    except KeyboardInterrupt:
        print("interrupted: the same command goes on from the last epoch", file=sys.stderr)
        return 130


def task() -> None:
    """The same in a wheel: a job sees what is raised, and does not look at what is answered."""
    if code := main():
        raise SystemExit(code)


if __name__ == "__main__":
    raise SystemExit(main())
