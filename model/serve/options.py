"""The options of ``python -m model.serve``."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from model.serve.bounds import Bounds
from model.serve.control import MOST_PATH_BYTES

if TYPE_CHECKING:
    from model.serve.settings import Settings

BOUNDS = Bounds()


def parser(text: str | None) -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(prog="python -m model.serve", description=text)
    add = made.add_argument
    add("--model", type=Path, required=True, help="model folder")
    add("--host", default="127.0.0.1", help="address to listen on [%(default)s]")
    add("--port", type=_port, default=8000, help="0 takes a free one [%(default)s]")
    add("--name", help="of the model; by default that of its data")
    add("--version", default="0", help="of the model, for its answers [%(default)s]")
    add("--keys-file", type=Path, help="API keys, one a line; any of them is valid")
    add("--allow-origin", action="append", default=[], metavar="ORIGIN",
        help="pages of this origin may ask from a browser; may be repeated")  # fmt: skip
    add("--only-with", type=_header, metavar="'NAME: VALUE'",
        help="answer only what has this header, which a gateway adds; others get 403")  # fmt: skip
    add("--requests", type=_count, default=BOUNDS.requests,
        help="that may be in work; beyond it 503 [%(default)s]")  # fmt: skip
    add("--queue", type=_count, default=BOUNDS.queue_images, metavar="IMAGES",
        help="that may wait for the model; beyond it 503 [%(default)s]")  # fmt: skip
    add("--deadline", type=_seconds, default=BOUNDS.deadline_s, metavar="SECONDS",
        help="from a request to its answer [%(default)g]")  # fmt: skip
    add("--connections", type=_count, default=BOUNDS.connections,
        help="open at a time; beyond it idle ones end [%(default)s]")  # fmt: skip
    add("--access-log", type=Path, metavar="FILE", help="instead of standard output; rotated")
    add("--capture", type=Path, metavar="FOLDER", help="keep a sample of the traffic as Parquet")
    add("--capture-share", type=_share, default=0.1, metavar="SHARE",
        help="of the images that --capture keeps, in [0, 1] [%(default)s]")  # fmt: skip
    add("--capture-images", action="store_true", help="keep the encoded images too")
    add("--capture-keys-file", type=Path, metavar="FILE",
        help="keys that open /captured, where what is kept can be fetched")  # fmt: skip
    add("--control", type=_socket, metavar="SOCKET", help="Unix socket to hand the port over by")
    add("--ready-file", type=_file, metavar="FILE", help="JSON file to write when it answers")
    return made


def settings_of(
    options: argparse.Namespace, keys: tuple[str, ...], readers: tuple[str, ...] = ()
) -> Settings:
    """What they say."""
    from model.serve.capture import Sampling
    from model.serve.doors import Doors
    from model.serve.settings import Settings

    sampling = None
    if options.capture:
        sampling = Sampling(
            options.capture, options.capture_share, options.capture_images, is_open=bool(readers)
        )
    return Settings(
        doors=Doors(keys, options.allow_origin, options.only_with, readers),
        bounds=Bounds(
            requests=options.requests,
            queue_images=options.queue,
            deadline_s=options.deadline,
            connections=options.connections,
        ),
        sampling=sampling,
        access_log=options.access_log,
        control=options.control,
        ready_file=options.ready_file,
    )


def _port(word: str) -> int:
    return int(_within(float(int(word)), 0, 65535))


def _header(word: str) -> tuple[str, str]:
    name, colon, value = (part.strip() for part in word.partition(":"))
    if not (name and colon and value):
        raise argparse.ArgumentTypeError(f"{word!r} is no header; write it as 'NAME: VALUE'")
    return name, value


def _file(word: str) -> Path:
    """A file to be made: its folder is looked at now, not when everything else is done."""
    path = Path(word)
    if not path.parent.is_dir():
        raise argparse.ArgumentTypeError(f"there is no folder {path.parent}; make it first")
    return path


def _socket(word: str) -> Path:
    path = _file(word)
    if len(os.fsencode(path)) > MOST_PATH_BYTES:
        raise argparse.ArgumentTypeError(
            f"{path} is too long for a Unix socket; at most {MOST_PATH_BYTES} bytes"
        )
    return path


def _count(word: str) -> int:
    return int(_within(float(int(word)), 1, 1_000_000))


def _seconds(word: str) -> float:
    return _within(float(word), 0.01, 3600)


def _share(word: str) -> float:
    return _within(float(word), 0, 1)


def _within(value: float, least: float, most: float) -> float:
    if not least <= value <= most:
        raise argparse.ArgumentTypeError(f"{value:g} is not within {least:g} and {most:g}")
    return value
