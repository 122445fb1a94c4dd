"""From images to scores: every image one row, equal to what the trainer's scorer says."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import fsspec
import numpy as np
import pyarrow as arrow
import pyarrow.compute as compute
import pyarrow.parquet as parquet
import pytest

from model.batch_score import unchanged
from model.batch_score.options import Scoring
from model.batch_score.place import BadPlace, Place, StorageFailed
from model.batch_score.work import Asked, work
from model.folder import ModelFolder
from model.images import BadDataset, open_images
from model.score import score_images
from tests.conftest import damaged_avif, encoded, picture
from tests.model.batch_score.conftest import paths_of, rows_of, told

pytestmark = pytest.mark.long  # a model is trained first

BAD = {
    "many/7": "not an image in a format that can be read (PNG or JPEG is best)",
    "many/4000": "not an image in a format that can be read (PNG or JPEG is best)",
    "many/4001": "truncated or damaged image: image file is truncated",
    "many/8999": "too large: ",
}


def quiet(_: str) -> None:
    """Tell nobody."""


def interrupt(_: str = "") -> None:
    """As a person would."""
    raise KeyboardInterrupt


def score(model: Path, data: Path | str, out: Path | str, **more):
    known = {name: more.pop(name) for name in ("version", "capture", "checked") if name in more}
    say = more.pop("say", quiet)
    return work(Asked(model, str(data), str(out), Scoring(workers=1, **more), **known), say)


@pytest.fixture(scope="module")
def done(model_folder, many, tmp_path_factory) -> Path:
    """The scores of many images, made once."""
    out = tmp_path_factory.mktemp("done") / "out"
    score(model_folder, many, out, version="3")
    return out


@pytest.fixture
def out(done, tmp_path) -> Path:
    """The same, to be changed."""
    return Path(shutil.copytree(done, tmp_path / "out"))


def test_every_image_is_a_row_of_one_of_the_two_tables(done, many):
    assert paths_of(done) == sorted(f"many/{at}" for at in range(9000))
    bad = {row["path"]: row["problem"] for row in rows_of(done, "bad").to_pylist()}
    assert bad.keys() == BAD.keys()
    assert all(bad[path].startswith(why) for path, why in BAD.items()), bad
    assert not list(Path(done, "scores").glob(".*"))


def test_the_answers_are_those_of_the_trainers_scorer_bit_for_bit(model_folder, pictures, tmp_path):
    score(model_folder, pictures, tmp_path / "out", split="test")

    ours = rows_of(tmp_path / "out")
    theirs = score_images(model_folder, open_images(str(pictures)), "test")
    for name in ("path", "label", "predicted", "probabilities", "mean"):
        assert ours[name].to_pylist() == theirs[name].to_pylist(), name
    assert np.allclose(ours["deviation"], theirs["deviation"], rtol=0, atol=1e-9)
    assert set(ours["split"].to_pylist()) == {"test"}


def test_a_row_tells_of_whom_it_is(done, model_folder):
    digest, rows = ModelFolder.read(model_folder).digest, rows_of(done)

    assert set(rows["model_digest"].to_pylist()) == {digest}
    assert set(rows["model_version"].to_pylist()) == {"3"}
    largest = [max(shares) for shares in rows["probabilities"].to_pylist()]
    assert rows["confidence"].to_pylist() == largest
    first = next(Path(done, "scores").iterdir())
    assert json.loads(parquet.read_schema(first).metadata[b"labels"]) == ["bright", "dark"]


def test_the_summary_is_that_of_the_rows(done, many):
    scores, rows = told(done), rows_of(done)

    assert scores["images"] == 9000 == scores["rows"] + scores["bad"]
    assert scores["bad"] == len(BAD)
    assert [path for path, _ in scores["totals"]["problems"]] == list(BAD)
    counted = {
        each["values"]: each["counts"] for each in rows["predicted"].value_counts().to_pylist()
    }
    assert scores["totals"]["predicted"] == counted
    tenths = np.histogram(rows["confidence"].to_numpy(), bins=np.linspace(0, 1, 11))[0]
    assert scores["totals"]["tenths"] == tenths.tolist()
    assert scores["totals"]["labelled"] == 0  # "0" and "1" are no classes of this model
    assert scores["dataset"]["digest"] == open_images(str(many)).digest()


def test_the_accuracy_is_told_where_labels_are_classes(model_folder, pictures, tmp_path):
    totals = score(model_folder, pictures, tmp_path / "out").totals

    rows = rows_of(tmp_path / "out")
    assert totals.labelled == 48
    assert totals.right == compute.sum(compute.equal(rows["label"], rows["predicted"])).as_py()


def test_the_same_again_changes_nothing(out, model_folder, many):
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    lines: list[str] = []

    score(model_folder, many, out, version="3", say=lines.append)

    assert {path: path.stat().st_mtime_ns for path in out.rglob("*")} == before
    assert lines == [f"{out} holds these scores already: 8,996 images scored, "
                     "4 could not be scored"]  # fmt: skip


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-9])


def swap(file: Path) -> None:
    """As whole as before, with as many rows, but another part."""
    for one, other in (("00002", "00003"), ("00000", "00004")):
        if one in file.name:
            shutil.copy(file.with_name(file.name.replace(one, other)), file)


def hollow(file: Path) -> None:
    """What a loss of power may leave: a footer, and zeros before it."""
    data = bytearray(file.read_bytes())
    data[len(data) // 3 : len(data) // 3 + 40] = bytes(40)
    file.write_bytes(bytes(data))


@pytest.mark.parametrize(
    "spoil", [Path.unlink, cut, swap, hollow, lambda file: file.write_bytes(b"")]
)
@pytest.mark.parametrize("folder", ["scores", "bad"])
def test_only_a_part_that_is_not_whole_is_made_anew_with_the_same_bytes(
    out, model_folder, many, spoil, folder
):
    before = {path: path.read_bytes() for path in out.rglob("*.parquet")}
    stamps = {path: path.stat().st_mtime_ns for path in before}
    spoilt = sorted(Path(out, folder).iterdir())[{"scores": 2, "bad": 0}[folder]]
    spoil(spoilt)
    assert not spoilt.exists() or spoilt.read_bytes() != before[spoilt]
    (out / "scores.json").unlink()
    lines: list[str] = []

    score(model_folder, many, out, version="3", say=lines.append)

    assert {path: path.read_bytes() for path in out.rglob("*.parquet")} == before
    touched = {path for path in before if path.stat().st_mtime_ns != stamps[path]}
    assert {path.name for path in touched} == {spoilt.name}
    assert lines[-1] == "4 of 5 parts were there, whole"


def test_a_part_that_vanished_after_the_end_is_made_anew(out, model_folder, many):
    next(Path(out, "scores").iterdir()).unlink()

    score(model_folder, many, out, version="3")

    assert paths_of(out) == sorted(f"many/{at}" for at in range(9000))


OTHERS = [{"split": "test"}, {"version": "4"}, {"data": "pictures"}]


@pytest.mark.parametrize("other", OTHERS)
def test_other_scores_are_refused_and_replaced_when_asked(out, model_folder, many, pictures, other):
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    data = pictures if other == {"data": "pictures"} else many
    more = {"version": "3", **{name: word for name, word in other.items() if name != "data"}}

    with pytest.raises(BadPlace, match=r"holds other scores, of version 3 and .*--replace"):
        score(model_folder, data, out, **more)
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before
    scores = score(model_folder, data, out, replace=True, **more)

    files = {path.relative_to(out).as_posix() for path in out.rglob("*.parquet")}
    assert files == set(scores.files)
    assert len(paths_of(out)) == scores.images


def test_until_all_are_there_a_reader_finds_the_others_alone(out, model_folder, many):
    before = parquet.read_table(out / "scores")
    asked = {"version": "3", "split": "test", "replace": True}

    with pytest.raises(KeyboardInterrupt):
        score(model_folder, many, out, **asked, say=interrupt)
    assert len(list(out.glob("scores/_next/*.parquet"))) == 5
    assert parquet.read_table(out / "scores").equals(before)
    said: list[str] = []
    scores = score(model_folder, many, out, **asked, say=said.append)

    assert "5 of 5 parts were there, whole" in said
    assert parquet.read_table(out / "scores").num_rows == scores.rows
    assert len(paths_of(out)) == scores.images
    assert not list(out.rglob("_next"))


def test_stopped_while_they_take_their_place_it_goes_on(out, model_folder, many, monkeypatch):
    asked, move, moved = {"version": "3", "split": "test", "replace": True}, Place.move, []

    def move_some(place, name, to):
        moved.append(name)
        if len(moved) > 2:
            interrupt()
        move(place, name, to)

    with monkeypatch.context() as patched:
        patched.setattr(Place, "move", move_some)
        with pytest.raises(KeyboardInterrupt):
            score(model_folder, many, out, **asked)
    assert list(out.glob("scores/_next/*.parquet"))
    scores = score(model_folder, many, out, **asked)

    assert len(paths_of(out)) == scores.images
    assert {path.relative_to(out).as_posix() for path in out.rglob("*.parquet")} == set(
        scores.files
    )


def test_an_interruption_leaves_no_draft_of_a_worker_that_was_ended(model_folder, many, tmp_path):
    def stop(_: str) -> None:
        (tmp_path / "out" / "scores" / ".part-00009.draft").touch()
        interrupt()

    with pytest.raises(KeyboardInterrupt):
        score(model_folder, many, tmp_path / "out", say=stop)

    assert not list((tmp_path / "out").rglob("*.draft"))


def test_others_go_when_the_disk_has_what_replaces_them(out, model_folder, many, monkeypatch):
    done = []
    for name in ("settle", "move", "write", "remove"):
        real = getattr(Place, name)

        def noted(place, what, *more, name=name, real=real):
            done.append((name, what))
            return real(place, what, *more)

        monkeypatch.setattr(Place, name, noted)

    score(model_folder, many, out, version="3", split="test", replace=True)

    moves = [at for at, (name, _) in enumerate(done) if name == "move"]
    removes = [at for at, (name, _) in enumerate(done) if name == "remove"]
    told = done.index(("write", "scores.json"))
    assert done.index(("settle", "scores/_next")) < moves[0]
    assert moves[-1] < done.index(("settle", "scores"), moves[-1]) < told
    assert told < done.index(("settle", ""), told) < removes[0]


def test_an_image_that_was_read_worse_before_is_one_row(out, model_folder, many):
    bad = next(out.glob("bad/part-00000-*"))
    shutil.copy(bad, bad.with_name(bad.name.replace("-00000-", "-00002-")))

    score(model_folder, many, out, version="3")

    assert paths_of(out) == sorted(f"many/{at}" for at in range(9000))


def test_the_same_images_in_a_file_of_another_name_are_others(model_folder, alone, tmp_path):
    score(model_folder, alone, tmp_path / "out", split="test")
    named = alone.rename(tmp_path / "other.parquet")

    scores = score(model_folder, named, tmp_path / "out", split="test", replace=True)

    assert scores.images == 1800
    assert all(path.startswith("other/") for path in paths_of(tmp_path / "out"))


def test_unfinished_scores_of_others_are_refused_too(out, model_folder, many):
    (out / "scores.json").unlink()

    with pytest.raises(BadPlace, match="unfinished ones"):
        score(model_folder, many, out, version="5")


def test_data_of_another_digest_are_refused(out, model_folder, alone):
    with pytest.raises(BadDataset, match="its digest was 0000, and is"):
        score(model_folder, alone, out, checked="0000")


def test_data_that_change_meanwhile_leave_nothing(model_folder, alone, tmp_path):
    def change(line: str) -> None:
        if line.startswith("9,000 of 9,000"):
            parquet.write_table(parquet.read_table(alone).slice(1), alone)

    with pytest.raises(BadDataset, match="changed while it was scored"):
        score(model_folder, alone, tmp_path / "out", say=change)

    assert list((tmp_path / "out").rglob("*.parquet")) == []
    assert score(model_folder, alone, tmp_path / "out").images == 8999


def test_a_file_that_changes_meanwhile_is_seen(model_folder, folder_of, tmp_path):
    data = folder_of(cat=4, dog=4)

    def change(_: str) -> None:
        (data / "train" / "cat" / "0000.png").write_bytes(encoded(picture(77)))

    with pytest.raises(BadDataset, match="changed while it was scored"):
        score(model_folder, data, tmp_path / "out", say=change)


def test_a_row_group_that_is_damaged_is_named_and_what_was_made_stays(
    model_folder, alone, tmp_path
):
    image = parquet.ParquetFile(alone).metadata.row_group(20).column(0)
    spoilt = bytearray(alone.read_bytes())
    begin = image.dictionary_page_offset
    spoilt[begin : begin + 100] = bytes(100)  # where the images begin
    alone.write_bytes(bytes(spoilt))

    with pytest.raises(BadDataset, match=r"alone.parquet cannot be read .* in row group 20"):
        score(model_folder, alone, tmp_path / "out")

    assert len(list(Path(tmp_path, "out", "scores").glob("*.parquet"))) == 2  # 4,096 images
    assert not (tmp_path / "out" / "scores.json").exists()


def test_images_of_every_kind_are_rows(model_folder, folder_of, tmp_path):
    data = folder_of(cat=4, dog=4)
    put = data / "train" / "cat"
    (put / "a.png").write_bytes(b"")
    (put / "b.avif").write_bytes(damaged_avif())
    (put / "c.png").symlink_to(data / "nowhere")
    (put / "d.jpg").write_bytes(encoded(picture(5, channels=3, height=40), "JPEG"))
    (put / "e.gif").write_bytes(encoded(picture(6), "GIF"))
    with (put / "f.png").open("wb") as giant:
        giant.truncate((1 << 30) + 1)

    scores = score(model_folder, data, tmp_path / "out")

    assert (scores.rows, scores.bad) == (10, 4)
    bad = {row["path"]: row["problem"] for row in rows_of(tmp_path / "out", "bad").to_pylist()}
    assert bad["train/cat/c.png"] == "symlink to nothing"
    assert bad["train/cat/f.png"].startswith("too large: 1,073,741,825 bytes")
    assert len(paths_of(tmp_path / "out")) == len(set(paths_of(tmp_path / "out"))) == 14


def test_no_image_may_be_good(model_folder, tmp_path):
    put = tmp_path / "data" / "cat"
    put.mkdir(parents=True)
    (put / "a.png").write_bytes(b"no image")

    scores = score(model_folder, tmp_path / "data", tmp_path / "out")

    assert (scores.rows, scores.bad) == (0, 1)
    assert rows_of(tmp_path / "out").num_rows == 0


def test_images_need_no_label(model_folder, folder_of, tmp_path):
    labelled = folder_of(cat=8)
    files = sorted(labelled.rglob("*.png"))
    alone = tmp_path / "alone"
    alone.mkdir()
    for file in files:
        shutil.copy(file, alone / f"{file.parent.parent.name}-{file.name}")
    without = {"image": [file.read_bytes() for file in files]}
    empty = {**without, "label": arrow.array([None] * 8, arrow.string())}
    parquet.write_table(arrow.table(without), tmp_path / "without.parquet")
    parquet.write_table(arrow.table(empty), tmp_path / "empty.parquet")
    found = {}

    for name in ("alone", "without.parquet", "empty.parquet"):
        scores = score(model_folder, tmp_path / name, tmp_path / f"scores of {name}")
        rows = rows_of(tmp_path / f"scores of {name}")
        assert (scores.rows, scores.totals.labelled) == (8, 0), name
        assert set(rows["label"].to_pylist()) == {""}
        found[name] = sorted(map(tuple, rows["probabilities"].to_pylist()))
    score(model_folder, labelled, tmp_path / "scores")
    expected = sorted(map(tuple, rows_of(tmp_path / "scores")["probabilities"].to_pylist()))
    assert all(each == expected for each in found.values())
    for name in found:
        with pytest.raises(BadDataset, match="label"):
            open_images(str(tmp_path / name))  # a release still asks for them


@pytest.mark.parametrize("where", ["file://{}/out", "memory:/{}/out"])
def test_the_place_may_be_a_url(model_folder, pictures, tmp_path, where):
    out = where.format(tmp_path)

    scores = score(model_folder, pictures, out)

    system, root = fsspec.core.url_to_fs(out)
    found = [parquet.read_table(f"{root}/{each.scores.name}", filesystem=system)
             for each in scores.parts]  # fmt: skip
    assert sum(map(len, found)) == 48
    assert json.loads(system.cat_file(f"{root}/scores.json"))["images"] == 48
    assert score(model_folder, pictures, out) == scores


def test_scores_within_the_data_are_refused(model_folder, pictures, tmp_path):
    data = Path(shutil.copytree(pictures, tmp_path / "data"))

    for place in (data, data / "train" / "new"):
        with pytest.raises(BadPlace, match="lies within the data"):
            score(model_folder, data, place)


def test_a_part_that_is_taken_away_before_the_end_is_missed(
    model_folder, pictures, tmp_path, monkeypatch
):
    def take(*_: object) -> bool:
        next((tmp_path / "out" / "scores").iterdir()).unlink()
        return True

    monkeypatch.setattr("model.batch_score.work.is_same", take)
    with pytest.raises(StorageFailed, match="is not there any more"):
        score(model_folder, pictures, tmp_path / "out")

    assert not (tmp_path / "out" / "scores.json").exists()
    assert unchanged.is_same is not take
