"""Spark loses workers while images are read: told in a sentence, and no bug of ours."""

from __future__ import annotations

import os
import signal

import pytest

from model.config import TrainConfig
from model.images import open_images
from model.spread.failures import WorkersLost
from model.spread.looking import look
from model.spread.places import Places
from model.spread.shards import sharded

pytestmark = pytest.mark.spark


class Ill:
    """A chunk that cannot be read, or not when its training images are; whatever is tried."""

    def __init__(self, how, chunk=None):
        self.how, self.chunk = how, chunk

    def read(self, split=None):
        if self.chunk and split is None:
            return self.chunk.read()
        return self.how()


class StorageGone(OSError):
    """As the storage of a cloud raises one of its own."""


def killed():
    os.kill(os.getpid(), signal.SIGKILL)


def unreachable():
    raise StorageGone("the storage does not answer")


def wrong():
    raise KeyError("a bug")


DIED = r"lost a worker that read images: Python worker exited unexpectedly.*; it was out of memory"


@pytest.mark.parametrize(
    ("how", "said"),
    [(killed, DIED), (unreachable, "^images could not be read: the storage does not answer")],
)
def test_a_worker_that_is_lost_while_it_looks_is_told(spark, folder_of, how, said):
    images = open_images(str(folder_of(cat=4, dog=4)))

    with pytest.raises(WorkersLost, match=said):
        look(spark, images, Places([Ill(how)], slots=2), TrainConfig())


@pytest.mark.parametrize("how", [killed, unreachable])
def test_a_worker_that_is_lost_while_it_decodes_is_told(spark, folder_of, how):
    images = open_images(str(folder_of(cat=4, dog=4)))
    places = Places([Ill(how, chunk) for chunk in images.chunks()], slots=2)
    looked = look(spark, images, places, TrainConfig())

    with pytest.raises(WorkersLost, match="read"), sharded(spark, images, places, looked, 2):
        pass


def test_an_error_of_the_program_stays_one(spark, folder_of):
    from pyspark.errors import PySparkException

    images = open_images(str(folder_of(cat=4, dog=4)))

    with pytest.raises(PySparkException, match="a bug"):
        look(spark, images, Places([Ill(wrong)], slots=2), TrainConfig())
