"""
``python -m model.bundle --model DIR --out DIR``: what answering takes of a model and of this code.

A model folder also holds what training left: plots, predictions, the Keras model. What only
answers, such as a container image, takes these two folders instead:

    code/model/   the modules that ``python -m model.serve`` imports, and the pages beside them
    served/       a model folder of the same digest; its manifest lists the files that are in it

Needs nothing but Python. Exit codes: 0 done · 1 bug · 2 usage · 3 no whole model folder.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from modulefinder import ModuleFinder
from pathlib import Path

from model.folder import (
    MANIFEST,
    SERVED,
    BadModelFolder,
    ModelFolder,
    digest_of_file,
    write_manifest,
)

ROOT = Path(__file__).resolve().parents[1]
WELCOME = ("examples.json",)  # served if there, and no part of what decides the answers
FACTS = ("config", "packages", "created")  # nothing that tells of the machine that trained


def write_served(folder: ModelFolder, out: Path) -> ModelFolder:
    """
    Write the smaller model folder ``out``, which must not exist.

    Its manifest has the same ``model_digest``, lists only the files beside it, and names the whole
    folder by the digest of its manifest, ``bundle_of``.

    Raises:
        BadModelFolder: ``folder`` is not whole, or was changed.
    """
    folder.verify()
    out.mkdir(parents=True)
    for name in (*SERVED, *WELCOME):
        if name in folder.manifest["files"]:
            shutil.copyfile(folder.path / name, out / name)
    facts = {name: folder.manifest[name] for name in FACTS if name in folder.manifest}
    dataset = {key: value for key, value in folder.manifest["dataset"].items() if key != "uri"}
    whole = digest_of_file(folder.path / MANIFEST)
    return write_manifest(out, dataset=dataset, **facts, bundle_of=whole)


def write_code(out: Path) -> None:
    """Write the modules that the service imports, also late ones, and the files beside them."""
    for file in service_files():
        copy = out / file.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, copy)


def service_files() -> list[Path]:
    """All files of this code that the service takes: modules that it imports, and its pages."""
    modules = _imported()
    rooms = {each.parent for each in modules if each.name == "__init__.py"} - {ROOT / "model"}
    pages = [p for room in rooms for p in room.iterdir() if p.suffix in (".html", ".json")]
    return sorted({*modules, *pages})


def _imported() -> list[Path]:
    """The files of ``model`` that ``model.serve`` reaches, found without running any of them."""
    main = ROOT / "model" / "serve" / "__main__.py"
    finder = ModuleFinder(path=[str(ROOT)])
    finder.run_script(str(main))
    files = [vars(module)["__file__"] for module in finder.modules.values()]
    return sorted({main, *(Path(file) for file in files if file)})  # built-in modules have none


def main() -> int:
    """Run the command line; answer its exit code."""
    parser = argparse.ArgumentParser(prog="python -m model.bundle", description=__doc__)
    parser.add_argument("--model", type=Path, required=True, help="model folder")
    parser.add_argument("--out", type=Path, required=True, help="gets code/ and served/")
    options = parser.parse_args()
    try:
        served = write_served(ModelFolder.read(options.model), options.out / "served")
    except BadModelFolder as error:
        print(f"refused: {error}", file=sys.stderr)
        return 3
    except FileExistsError as error:
        print(f"{error.filename} is there already; choose another --out", file=sys.stderr)
        return 2
    write_code(options.out / "code")
    print(served.digest, served.manifest["dataset"]["name"])
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
