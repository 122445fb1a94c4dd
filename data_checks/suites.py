"""Great Expectations: a suite a table and the Data Docs, in memory that failures do not use."""

from __future__ import annotations

import logging
import os
import re
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from data_checks.expectations import Expected
from data_checks.measures import Tables
from data_checks.reading import DIGESTS

NAMES = {
    "images": "path", "test": "path", "classes": "label", "drift": "statistic", "traffic": "image"
}  # fmt: skip
FrameOf = Callable[[str, Sequence[Expected]], Any]  # in memory, or on Spark
NAMED = 50  # failing rows that are named, for each expectation
SITE = "checks"
DOMAIN = ("column", "column_A", "column_B")


def open_context() -> Any:
    """A context that leaves nothing behind and tells nobody anything."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"  # read when it is imported
    import great_expectations as gx

    logging.getLogger("great_expectations").setLevel(logging.ERROR)
    logging.getLogger("great_expectations.data_context.types.base").setLevel(logging.ERROR)
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False, "metric_calculations": False}
    return context


def run_suites(
    context: Any, expected: Sequence[Expected], frame_of: FrameOf, docs: Path
) -> dict[str, Any]:
    """
    Judge the tables, one after the other, and write the Data Docs to ``docs``.

    Args:
        frame_of: answers a table by its name and what is expected of it.

    Returns:
        name of each expectation → its result, with ``unexpected_index_list`` of the first failing
        rows: not of all, as the result format COMPLETE would have, for they may be a million.
    """
    _add_site(context, docs)
    found: dict[str, Any] = {}
    for table in dict.fromkeys(each.table for each in expected):
        suite = [each for each in expected if each.table == table]
        frame = frame_of(table, suite)
        checkpoint = _checkpoint(context, _source(context, frame), table, suite)
        ran = checkpoint.run(batch_parameters={"dataframe": frame})
        for key, validation in ran.run_results.items():
            for result in validation.results:
                _name_the_first(result, NAMES[table])
                found[result.expectation_config.meta["name"]] = result
            context.validation_results_store.set(key, validation)  # the docs are made from there
    context.build_data_docs(site_names=[SITE])
    return found


def _source(context: Any, frame: Any) -> Any:
    """Where the frame is judged: in memory, or on Spark, which keeps nothing of it (it is kept)."""
    import pandas as pd

    sources, is_here = context.data_sources, isinstance(frame, pd.DataFrame)
    name = "facts" if is_here else "facts on Spark"
    if name in sources.all():
        return sources.get(name)
    return sources.add_pandas(name) if is_here else sources.add_spark(name, persist=False)


def _checkpoint(context: Any, source: Any, table: str, expected: Sequence[Expected]) -> Any:
    import great_expectations as gx

    batch = source.add_dataframe_asset(table).add_batch_definition_whole_dataframe("all")
    suite = context.suites.add(gx.ExpectationSuite(name=table))
    for each in expected:
        each.expectation.meta = {"name": each.name}
        each.expectation.notes = f"**{each.name}** ({each.severity}): {each.reason}"
        suite.add_expectation(each.expectation)
    made = gx.ValidationDefinition(name=table, data=batch, suite=suite)
    definition = context.validation_definitions.add(made)
    checkpoint = gx.Checkpoint(
        name=table,
        validation_definitions=[definition],
        result_format={
            "result_format": "BASIC",
            "include_unexpected_rows": True,
            "partial_unexpected_count": NAMED,
        },
    )
    return context.checkpoints.add(checkpoint)


def frame_of_images(tables: Tables, table: str, expected: Sequence[Expected]) -> Any:
    """The table; with digests only if they are asked for."""
    asked = " ".join(str(each.expectation.configuration.kwargs) for each in expected)
    names = [name for name in DIGESTS if re.search(rf"\b{name}\b", asked)]
    return tables.frame(table, names if table in ("images", "test") else ())


def _name_the_first(result: Any, name: str) -> None:
    """Say which rows failed, in the form that the Data Docs show beside each value."""
    numbers = result.result
    rows = numbers.pop("unexpected_rows", None)
    if rows is None or not len(rows):
        return
    kwargs = result.expectation_config.kwargs
    columns = [kwargs[key] for key in DOMAIN if key in kwargs] + list(kwargs.get("column_list", []))
    numbers["unexpected_index_column_names"] = [name]
    shown = list(dict.fromkeys([*columns, name]))
    each = rows if isinstance(rows, list) else rows[shown].to_dict("records")
    numbers["unexpected_index_list"] = [{key: row[key] for key in shown} for row in each]
    values = Counter(map(str, numbers.get("partial_unexpected_list", [])))
    numbers["partial_unexpected_counts"] = [
        {"value": value, "count": count} for value, count in values.items()
    ]


def _add_site(context: Any, docs: Path) -> None:
    store = {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(docs)}
    index = {"class_name": "DefaultSiteIndexBuilder", "show_cta_footer": False}
    site = {"class_name": "SiteBuilder", "store_backend": store, "site_index_builder": index}
    for name in list(context.get_site_names()):
        context.delete_data_docs_site(name)
    context.add_data_docs_site(site_name=SITE, site_config=site)
