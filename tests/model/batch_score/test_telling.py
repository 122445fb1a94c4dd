"""Lines about the progress: the rate is that of what was made now, and the last line comes."""

from __future__ import annotations

from model.batch_score.made import Made
from model.batch_score.scores import File
from model.batch_score.telling import Telling


def part(images: int, *, is_new: bool = True) -> Made:
    return Made(0, images, File("x", images, 1, ""), None, {}, is_new)


def test_it_tells_the_rate_of_what_is_new_and_the_time_that_is_left():
    now, lines = [0.0], []
    telling = Telling(10_000, lines.append, clock=lambda: now[0])

    telling.made(part(4000, is_new=False))
    for second in (4, 8, 12):
        now[0] = second
        telling.made(part(2000))

    assert lines == [
        "6,000 of 10,000 images  500 images/s  8 s left",
        "8,000 of 10,000 images  500 images/s  4 s left",
        "10,000 of 10,000 images  500 images/s  0 s left",
    ]
    assert telling.kept == 1


def test_a_long_one_is_told_each_minute_and_in_hours():
    now, lines = [0.0], []
    telling = Telling(100_000_000, lines.append, clock=lambda: now[0])

    for _ in range(120):
        now[0] += 1
        telling.made(part(10_000))

    assert lines == [
        "600,000 of 100,000,000 images  10,000 images/s  2 h 46 min left",
        "1,200,000 of 100,000,000 images  10,000 images/s  2 h 45 min left",
    ]
