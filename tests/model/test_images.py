"""Data sets are found out by looking."""

from __future__ import annotations

import gzip
import os
import pickle
import resource
import threading
from typing import ClassVar

import fsspec
import pyarrow as arrow
import pyarrow.parquet as parquet
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from model.folder_entries import Entry, handfuls
from model.image_files import MOST_BYTES, StorageIll, is_forbidden
from model.images import BadDataset, in_natural_order, name_of, open_images
from tests.conftest import encoded, picture


def images_in(uri):
    return read(open_images(str(uri)))


def read(images):
    return [image for chunk in images.chunks() for image in chunk.read()]


def test_class_folders_with_a_declared_test_split(folder_of):
    found = open_images(str(folder_of(cat=8, dog=4)))

    assert (found.kind, found.labels, len(found)) == ("class folders", ("cat", "dog"), 12)
    assert sorted({(image.label, image.split) for image in images_in(found.uri)}) == [
        ("cat", "test"), ("cat", "train"), ("dog", "test"), ("dog", "train"),
    ]  # fmt: skip


def test_an_undeclared_split_follows_the_content_not_the_name(tmp_path):
    for label in ("cat", "dog"):
        (tmp_path / label).mkdir()
        for number in range(40):
            picture(number + 100 * (label == "dog")).save(tmp_path / label / f"{number}.png")
    before = {image.data: image.split for image in images_in(tmp_path)}
    for path in list(tmp_path.glob("*/*.png")):
        path.rename(path.with_name(f"renamed-{path.name}"))

    after = {image.data: image.split for image in images_in(tmp_path)}

    assert before == after
    assert 4 <= sum(split == "test" for split in after.values()) <= 32


def test_the_digest_follows_content_and_not_the_place(folder_of, tmp_path):
    root = folder_of(cat=4, dog=4)
    digest = open_images(str(root)).digest()
    moved = root.rename(tmp_path / "elsewhere")
    assert open_images(str(moved)).digest() == digest

    picture(77).save(next(moved.glob("train/cat/*.png")))

    assert open_images(str(moved)).digest() != digest


def test_files_elsewhere_are_read_as_those_of_this_machine(folder_of):
    root = folder_of(cat=4, dog=4)
    elsewhere = fsspec.filesystem("memory")
    elsewhere.put(str(root), "/elsewhere", recursive=True)
    found = open_images("memory://elsewhere")
    assert found.digest() == open_images(str(root)).digest()
    assert [i.data for i in images_in("memory://elsewhere")] == [i.data for i in images_in(root)]
    gone = "train/cat/0001.png"

    elsewhere.rm(f"/elsewhere/{gone}")  # between the listing and the reading

    read = [image for chunk in found.chunks() for image in chunk.read()]
    assert len(read) == 8
    assert [image.path for image in read if image.fault] == [gone]
    elsewhere.rm("/elsewhere", recursive=True)


def test_no_more_is_held_at_once_than_was_said(monkeypatch):
    monkeypatch.setattr("model.folder_entries.MOST_HELD", 10)
    entries = [Entry(str(size), "cat", None, size=size) for size in (4, 5, 6, 99, 1, 1, 1, 1)]

    parts = [[entry.size for entry in some] for some in handfuls(entries, most=3)]

    assert parts == [[4, 5], [6], [99], [1, 1, 1], [1]]


def test_parquet_with_structs_and_class_names_as_hugging_face_writes_it(tmp_path):
    rows = [
        {"image": {"bytes": encoded(picture(n)), "path": f"{n}.png"}, "label": n % 2}
        for n in range(6)
    ]
    struct = arrow.struct([("bytes", arrow.binary()), ("path", arrow.string())])
    named = '{"info": {"features": {"label": {"names": ["cat", "dog"]}}}}'
    schema = arrow.schema([("image", struct), ("label", arrow.int64())], {"huggingface": named})
    parquet.write_table(arrow.Table.from_pylist(rows, schema=schema), tmp_path / "train.parquet")

    found = images_in(tmp_path)

    assert [image.label for image in found] == ["cat", "dog"] * 3
    assert found[0].path == "0.png"


def test_idx_with_its_labels(tmp_path):
    write_idx(tmp_path, "train", images=6)
    write_idx(tmp_path, "t10k", images=2)

    found = open_images(str(tmp_path))

    assert (found.kind, len(found), found.labels) == ("idx", 8, ("0", "1", "2"))
    assert [image.split for image in images_in(tmp_path)].count("test") == 2


def test_an_idx_file_beside_its_packed_self_is_refused(tmp_path):
    write_idx(tmp_path, "train", images=6)
    packed = tmp_path / "train-images-idx3-ubyte.gz"
    packed.with_suffix("").write_bytes(gzip.decompress(packed.read_bytes()))

    with pytest.raises(BadDataset, match="train-images-idx3-ubyte twice"):
        open_images(str(tmp_path))


@pytest.mark.parametrize(
    ("break_it", "says"),
    [
        (lambda root: (root / "train-labels-idx1-ubyte.gz").unlink(), "has no labels"),
        (
            lambda root: (root / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(b"abc")),
            "ends within its header",
        ),
        (
            lambda root: (root / "train-images-idx3-ubyte.gz").write_bytes(b"\x1f\x8bnot gzip"),
            "cannot be read",
        ),
        (lambda root: write_idx(root, "train", images=6, missing_bytes=5), "no whole IDX file"),
        (lambda root: damage(root / "train-images-idx3-ubyte.gz"), "cannot be read"),
        (lambda root: cut(root / "train-images-idx3-ubyte.gz"), "cannot be read"),
    ],
)
def test_a_broken_idx_file_is_named(tmp_path, break_it, says):
    write_idx(tmp_path, "train", images=6)
    break_it(tmp_path)

    with pytest.raises(BadDataset, match=f"train-images.*{says}"):
        open_images(str(tmp_path))


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda root: root / "nowhere", "does not exist"),
        (lambda root: root, "no labels"),
        (lambda root: (root / "train" / "cat").mkdir(parents=True) or root, "no images"),
        (lambda root: write(root / "notes.txt", b"hello"), "not a Parquet file"),
        (lambda root: write(root / "a.parquet", b"hello"), "cannot be read as Parquet"),
        (lambda root: table(root, {"picture": [b""], "label": ["a"]}), "no column image"),
        (lambda root: table(root, {"image": [b"x"], "label": [""]}), "no labels"),
        (lambda root: os.mkfifo(root / "a.parquet") or root / "a.parquet", "cannot be read"),
        (lambda root: f"{root}/caf\udce9", "not UTF-8"),
        (
            lambda root: write_idx(root, "train", images=3) or root / "train-images-idx3-ubyte.gz",
            "give its folder",
        ),
        (lambda root: table(root, {"image": ["x"], "label": ["a"]}), "t.parquet.*image is string"),
        (lambda root: table(root, {"image": [[b"x"]], "label": ["a"]}), "image is list"),
        (lambda root: table(root, {"image": [{"path": "x"}], "label": ["a"]}), "image is struct"),
        (lambda root: table(root, {"image": [b"x"], "label": [["a"]]}), "label is list"),
        (lambda root: table(root, {"image": [b"x"], "label": ["a"], "split": [1]}), "split is int"),
        (lambda root: noted(root, '{"info": {"features": ["label"]}}'), "t.parquet.*no object"),
        (lambda root: noted(root, "{"), "t.parquet.*no JSON"),
        (lambda root: "nope://bucket/images", "cannot be read"),
    ],
)
def test_what_is_no_data_set_is_named_with_the_way_out(tmp_path, make, says):
    with pytest.raises(BadDataset, match=says):
        open_images(str(make(tmp_path)))


def test_an_empty_class_keeps_its_name(folder_of):
    root = folder_of(cat=4, dog=4)
    (root / "train" / "bird").mkdir()

    assert open_images(str(root)).labels == ("bird", "cat", "dog")


def test_a_link_out_of_the_folder_is_named_and_never_read(folder_of, tmp_path):
    root = folder_of(cat=4, dog=4)
    secret = write(tmp_path / "secret.png", b"secret")
    cats = root / "train" / "cat"
    (cats / "link.png").symlink_to(secret)
    (cats / "dangling.png").symlink_to(tmp_path / "gone.png")
    (cats / "inside.png").symlink_to("0000.png")

    found = {image.path: image for image in images_in(root)}

    link = found["train/cat/link.png"]
    assert (link.data, link.fault) == (b"", "symlink out of the folder")
    assert found["train/cat/dangling.png"].fault == "symlink to nothing"
    assert found["train/cat/inside.png"].data == found["train/cat/0000.png"].data


def test_names_in_any_script_and_of_any_length(tmp_path):
    label, name = "猫 ñandú", "ü" * 100 + ".png"
    for each in (label, "dog"):
        (tmp_path / each).mkdir()
        picture(1).save(tmp_path / each / name)

    assert {image.label for image in images_in(tmp_path)} == {label, "dog"}


def test_names_of_idx_labels_that_are_not_utf8_are_refused(tmp_path):
    write_idx(tmp_path, "train", images=6)
    (tmp_path / "labels.txt").write_bytes(b"caf\xe9\ndog\ncat")

    with pytest.raises(BadDataset, match=r"labels\.txt is no text in UTF-8"):
        open_images(str(tmp_path))


def test_a_parquet_file_with_damaged_pages_is_named(tmp_path):
    rows = {"image": [encoded(picture(n)) for n in range(20)], "label": ["cat", "dog"] * 10}
    path = table(tmp_path, rows)
    data = path.read_bytes()
    path.write_bytes(data[:4] + b"\xff" * 400 + data[404:])  # the first page of images

    with pytest.raises(BadDataset, match=r"t\.parquet cannot be read as Parquet"):
        images_in(path)


def test_a_file_whose_name_is_not_utf8_is_named_in_print_and_not_read(folder_of):
    root = folder_of(cat=4, dog=4)
    cats = root / "train" / "cat"
    (cats / "0000.png").rename(cats / os.fsdecode(b"caf\xe9.png"))
    (cats / os.fsdecode(b"more\xff")).mkdir()

    found = {image.path: image.fault for image in images_in(root)}

    assert "not UTF-8" in found["train/cat/caf\\xe9.png"]
    assert "not UTF-8" in found["train/cat/more\\xff"]
    assert all(path.encode() for path in found)
    assert open_images(str(root)).digest()


def test_a_class_whose_name_is_not_utf8_is_refused(folder_of):
    root = folder_of(cat=4, dog=4)
    (root / "train" / "cat").rename(root / "train" / os.fsdecode(b"caf\xe9"))

    with pytest.raises(BadDataset, match=r"caf\\xe9.*not UTF-8"):
        open_images(str(root))


def test_a_pipe_is_not_waited_for_and_a_huge_file_not_read(folder_of):
    root = folder_of(cat=4, dog=4)
    os.mkfifo(root / "pipe.parquet")
    os.mkfifo(root / "train" / "cat" / "pipe.png")
    with (root / "train" / "cat" / "huge.png").open("wb") as stream:
        stream.truncate(MOST_BYTES + 1)  # takes no room on the disk

    found = {image.path: image.fault for image in images_in(root)}

    assert found["train/cat/pipe.png"] == "not a regular file"
    assert "too large" in found["train/cat/huge.png"]
    assert open_images(str(root)).digest()


def test_digits_of_any_script_are_labels():
    assert in_natural_order({"²", "①", "10", "٣"}) == ("٣", "10", "²", "①")


def test_labels_are_in_natural_order():
    assert in_natural_order({"class 10", "class 2", "b", "a"}) == ("a", "b", "class 2", "class 10")


@pytest.mark.parametrize(
    ("uri", "name"),
    [
        ("/data/Fashion MNIST/", "fashion-mnist"),
        ("az://box/My_images.parquet", "my-images"),
        ("///", "images"),
    ],
)
def test_a_name_comes_from_the_last_part(uri, name):
    assert name_of(uri) == name


def write(path, data):
    path.write_bytes(data)
    return path


def damage(path):
    data = bytearray(path.read_bytes())
    data[10:20] = b"\xff" * 10  # past the header of gzip: no such block
    path.write_bytes(data)


def cut(path):
    path.write_bytes(path.read_bytes()[:-12])


def noted(root, text):
    columns = arrow.table({"image": [b"x"], "label": ["a"]})
    parquet.write_table(columns.replace_schema_metadata({"huggingface": text}), root / "t.parquet")
    return root / "t.parquet"


def table(root, columns):
    parquet.write_table(arrow.table(columns), root / "t.parquet")
    return root / "t.parquet"


def write_idx(root, part, *, images, missing_bytes=0):
    header = b"".join(n.to_bytes(4, "big") for n in (0x0803, images, 4, 4))
    body = bytes(range(16)) * images
    body = body[: len(body) - missing_bytes]
    labels = b"".join(n.to_bytes(4, "big") for n in (0x0801, images))
    labels += bytes(n % 3 for n in range(images))
    (root / f"{part}-images-idx3-ubyte.gz").write_bytes(gzip.compress(header + body))
    (root / f"{part}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(labels))


class Refused(Exception):
    """As a storage's own library has them; cannot travel between processes."""

    def __init__(self, status: int) -> None:
        super().__init__(f"status {status}\nand more")
        self.status_code, self.lock = status, threading.Lock()


class SickFiles(MemoryFileSystem):
    """A storage whose next answers are errors."""

    protocol = "sick"
    errors: ClassVar[list[Exception]] = []

    @classmethod
    def _strip_protocol(cls, path):
        return super()._strip_protocol(path.replace("sick://", "memory://"))

    def cat_file(self, path, start=None, end=None, **options):
        if self.errors:
            raise self.errors.pop()
        return super().cat_file(path, start, end, **options)

    def exists(self, path, **options):
        if self.errors:
            raise self.errors.pop()
        return super().exists(path, **options)


@pytest.fixture
def sick(folder_of):
    fsspec.register_implementation("sick", SickFiles, clobber=True)
    system = fsspec.filesystem("sick")
    system.put(str(folder_of(cat=4, dog=4)), "/pictures", recursive=True)
    yield system.errors
    system.errors.clear()
    system.rm("/pictures", recursive=True)


@pytest.mark.parametrize(
    "error", [ConnectionResetError(104, "reset"), TimeoutError(), Refused(503)]
)
def test_a_storage_that_is_ill_is_no_fault_of_an_image(sick, error):
    images = open_images("sick://pictures")
    sick.append(error)

    with pytest.raises(StorageIll, match="pictures/") as told:
        read(images)

    assert str(pickle.loads(pickle.dumps(told.value))) == str(told.value)  # noqa: S301 (ours)
    assert not [image.fault for image in read(images) if image.fault]


@pytest.mark.parametrize(("status", "is_ours_to_mend"), [(403, True), (503, False)])
def test_who_is_refused_is_told_from_who_may_try_again(sick, status, is_ours_to_mend):
    sick.append(Refused(status))

    with pytest.raises(StorageIll, match=f"status {status}$") as told:
        open_images("sick://pictures")

    assert is_forbidden(told.value) == is_ours_to_mend


def test_a_machine_that_has_no_files_left_is_no_fault_of_an_image(folder_of):
    images = open_images(str(folder_of(cat=4, dog=4)))
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, before[1]))
    try:
        with pytest.raises(StorageIll, match="Too many open files"):
            read(images)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert not [image.fault for image in read(images) if image.fault]
