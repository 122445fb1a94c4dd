"""A file of scores is known again, unless a byte of it is other than it was."""

from __future__ import annotations

import numpy as np
import pyarrow as arrow
import pyarrow.parquet as parquet

from model.batch_score.answered import Answered
from model.batch_score.tables import bad_table, note_of, scores_table, to_parquet

LABELS = tuple(f"class {at}" for at in range(10))


def found(images: int = 500) -> Answered:
    random = np.random.default_rng(4)
    shares = random.random((images, 10), np.float32)
    texts = [f"{at}.png" for at in range(images)]
    light = random.random(images)
    return Answered(texts, texts, texts, shares, light, light, [])


def a_file() -> bytes:
    table = scores_table(found(), LABELS, {"version": "3", "digest": "d"})
    return to_parquet(table, {"key": "k", "number": 7})


def test_equal_tables_are_equal_bytes_and_their_note_is_found_again():
    assert a_file() == a_file()
    assert note_of(a_file()) == ({"key": "k", "number": 7}, 500)


def test_a_table_without_rows_is_one_all_the_same():
    nobody = scores_table(found(0), LABELS, {"version": "", "digest": "d"})

    for table in (nobody, bad_table([])):
        assert note_of(to_parquet(table, {"number": 0})) == ({"number": 0}, 0)


def test_what_parquet_reads_all_the_same_is_not_taken_for_whole():
    """Zeros among probabilities, as a loss of power leaves: the footer says nothing of them."""
    data = bytearray(a_file())
    columns = parquet.ParquetFile(arrow.BufferReader(bytes(data))).metadata.row_group(0)
    place = next(
        columns.column(at) for at in range(columns.num_columns)
        if columns.column(at).path_in_schema.startswith("probabilities")
    )  # fmt: skip
    middle = place.data_page_offset + place.total_compressed_size // 2
    data[middle : middle + 8] = bytes(8)

    assert parquet.read_table(arrow.BufferReader(bytes(data))).num_rows == 500
    assert note_of(bytes(data)) is None


def test_nothing_and_what_is_no_parquet_and_no_file_of_ours_are_none():
    other = arrow.BufferOutputStream()
    parquet.write_table(arrow.table({"a": [1]}), other)

    for data in (None, b"", b"PAR1PAR1", a_file()[:-1], other.getvalue().to_pybytes()):
        assert note_of(data) is None
