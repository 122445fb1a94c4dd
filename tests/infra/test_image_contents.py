"""What is in the image of the scoring service, what is not, and what is said of it."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime

import pytest
from packaging.utils import canonicalize_name

from model.folder import ModelFolder
from tests.conftest import ROOT
from tests.infra.engine import BIN, run

pytestmark = pytest.mark.image

LARGEST_BYTES = 320_000_000


def test_its_labels_are_true(engine, image, base, model_folder):
    labels = engine.inspected(image)["Labels"]
    commit = run("git", "rev-parse", "HEAD").stdout.strip()
    is_dirty = run("git", "status", "--porcelain", "--", "model", "infra").stdout != ""
    made = datetime.fromtimestamp(int(run("git", "log", "-1", "--format=%ct").stdout), UTC)
    oci = "org.opencontainers.image"

    assert labels["mlops.model.digest"] == ModelFolder.read(model_folder).digest
    assert labels["mlops.model.name"] == "light"
    assert labels[f"{oci}.revision"] == (f"{commit}-dirty" if is_dirty else commit)
    assert datetime.fromisoformat(labels[f"{oci}.created"]) == made
    assert labels[f"{oci}.licenses"] == "MIT"
    assert (ROOT / "LICENSE").read_text().startswith("MIT License")
    assert (labels[f"{oci}.base.name"], labels[f"{oci}.base.digest"]) == (base, base.split("@")[1])


def test_nothing_that_installs_or_compiles_is_in_it(engine, image, base):
    code = (
        "import importlib.util as i, json, shutil; print(json.dumps("
        "[m for m in 'pip uv ensurepip setuptools pkg_resources wheel'.split() if i.find_spec(m)]"
        " + [p for p in 'pip pip3 uv cc gcc as ld make'.split() if shutil.which(p)]))"
    )

    assert "pip" in json.loads(engine.python(base, code).stdout)
    assert json.loads(engine.python(image, code).stdout) == []


def test_only_what_is_served_is_in_it(engine, image):
    code = (
        "import json, pathlib; print(json.dumps([str(p.relative_to('/service')) "
        "for p in pathlib.Path('/service').rglob('*') if p.is_file()]))"
    )
    files = set(json.loads(engine.python(image, code).stdout))
    own = {file for file in files if not file.startswith("packages/")}
    modules = {file for file in own if file.endswith(".py")}

    assert {file for file in own if file.startswith("served/")} == {
        "served/manifest.json", "served/model.tflite", "served/labels.json", "served/examples.json",
    }  # fmt: skip
    assert "code/model/serve/__main__.py" in modules
    assert not modules & {f"code/model/{name}.py" for name in ("train", "fit", "images", "bundle")}
    assert len({file for file in own if file.endswith(".pyc")}) == len(modules)
    assert not {file for file in files if file.startswith("packages/bin/")}


def test_no_path_of_the_machine_that_built_it_is_in_it(engine, image):
    places = [str(ROOT / name) for name in ("model", "infra", ".venv")]  # "/src" is in many files
    code = (
        "import pathlib, sys; print([str(p) for p in pathlib.Path('/service').rglob('*') "
        "if p.is_file() and any(w.encode() in p.read_bytes() for w in sys.argv[1:])])"
    )

    assert engine.python(image, code, *places).stdout == "[]\n"


def test_it_adds_little_to_its_base(engine, image, base):
    added = engine.inspected(image)["Size"] - engine.inspected(base)["Size"]

    assert 0 < added <= LARGEST_BYTES


def test_equal_inputs_make_equal_layers_and_in_oci_format_equal_images(engine, image, build):
    one, other = build(FORMAT="oci"), build(FORMAT="oci")

    assert one.id == other.id
    assert one.contents != other.contents
    assert one.contents.read_bytes() == other.contents.read_bytes()
    layers = engine.inspected(image)["RootFS"]["Layers"]
    assert layers == engine.inspected(one.id)["RootFS"]["Layers"]


def test_the_list_of_contents_is_what_is_in_it(engine, image, built):
    code = (
        "import importlib.metadata as m, json; print(json.dumps(sorted("
        "f'{d.name}=={d.version}' for d in m.distributions(path=['/service/packages']))))"
    )
    listed = json.loads(built.contents.read_text())["components"]
    locked = (ROOT / "infra" / "requirements" / "serve.txt").read_text()

    held = "print(open('/service/sbom.json').read(), end='')"
    assert engine.python(image, held).stdout == built.contents.read_text()
    found = json.loads(engine.python(image, code).stdout)
    assert sorted(f"{one['name']}=={one['version']}" for one in listed) == found
    names = {canonicalize_name(one.partition("==")[0]) for one in found}
    assert names <= set(re.findall(r"^(\S+)==", locked, re.MULTILINE))


def test_a_base_with_another_python_is_told(engine, base, model_folder, tmp_path):
    settings = {"PYTHON_VERSION": "3.12", "BIN": BIN, "IMAGES": str(tmp_path)}
    done = run("infra/build-image", model_folder, base, **settings, **engine.environment)

    assert done.returncode == 1
    assert "BASE has Python 3.11" in done.stderr
    assert "PYTHON_VERSION=3.11" in done.stderr
    assert list(tmp_path.iterdir()) == []
