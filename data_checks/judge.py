"""Great Expectations: runs the expectations, writes the Data Docs, answers with our verdicts."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from data_checks.check import NAMED, Check
from data_checks.expectations import Expected, expectations
from data_checks.limits import FILE, BadLimits, Limits
from data_checks.measures import Tables

NAMES = {"images": "path", "test": "path", "classes": "label", "drift": "statistic"}
SITE = "checks"


def judge(
    tables: Tables, limits: Limits, labels: Sequence[str], docs: Path, *, has_reference: bool
) -> list[Check]:
    """The verdict of every expectation; its Data Docs are written to ``docs``."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"  # read when it is imported
    import great_expectations as gx

    logging.getLogger("great_expectations").setLevel(logging.ERROR)
    logging.getLogger("great_expectations.data_context.types.base").setLevel(logging.ERROR)
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False, "metric_calculations": False}
    every = expectations(limits.model_copy(update={"size_policy": "same"}), labels, tables)
    names = [each.name for each in every]
    if unknown := sorted(limits.severity.keys() - set(names)):
        listed = ", ".join(names)
        raise BadLimits(f"{FILE}: severity of unknown checks {unknown}; the checks are: {listed}")
    expected = expectations(limits, labels, tables)
    if not has_reference:
        expected = [each for each in expected if each.table != "drift"]
    results = _run(gx, context, expected, tables, docs)
    return [_check(each, result, limits) for each, result in zip(expected, results, strict=True)]


def _run(gx: Any, context: Any, expected: list[Expected], tables: Tables, docs: Path) -> list[Any]:
    _add_site(context, docs)
    source = context.data_sources.add_pandas("facts")
    definitions, frames = [], {}
    for table in dict.fromkeys(each.table for each in expected):
        asset = source.add_dataframe_asset(table)
        batch = asset.add_batch_definition_whole_dataframe("all")
        suite = context.suites.add(gx.ExpectationSuite(name=table))
        for each in expected:
            if each.table == table:
                each.expectation.meta = {"name": each.name}
                each.expectation.notes = f"**{each.name}** ({each.severity}): {each.reason}"
                suite.add_expectation(each.expectation)
        made = gx.ValidationDefinition(name=table, data=batch, suite=suite)
        definitions.append(context.validation_definitions.add(made))
        frames[table] = getattr(tables, table)
    found: dict[str, Any] = {}
    for definition in definitions:
        checkpoint = gx.Checkpoint(
            name=definition.name,
            validation_definitions=[definition],
            result_format={
                "result_format": "COMPLETE",
                "unexpected_index_column_names": [NAMES[definition.name]],
                "partial_unexpected_count": NAMED,
            },
        )
        ran = context.checkpoints.add(checkpoint).run(
            batch_parameters={"dataframe": frames[definition.name]}
        )
        for validation in ran.run_results.values():
            for result in validation.results:
                found[result.expectation_config.meta["name"]] = result
    context.build_data_docs(site_names=[SITE])
    return [found[each.name] for each in expected]


def _add_site(context: Any, docs: Path) -> None:
    store = {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(docs)}
    index = {"class_name": "DefaultSiteIndexBuilder", "show_cta_footer": False}
    site = {"class_name": "SiteBuilder", "store_backend": store, "site_index_builder": index}
    for name in list(context.get_site_names()):
        context.delete_data_docs_site(name)
    context.add_data_docs_site(site_name=SITE, site_config=site)


def _check(expected: Expected, result: Any, limits: Limits) -> Check:
    numbers, column = result.result, NAMES[expected.table]
    rows = numbers.get("unexpected_index_list") or []
    names = [str(row[column]) for row in rows]
    return Check(
        expected.name,
        severity=limits.severity.get(expected.name, expected.severity),
        passed=bool(result.success),
        observed=_observed(numbers, expected),
        limit=expected.limit,
        reason=expected.reason,
        offenders=tuple(names[:NAMED]),
        offender_count=len(names),
    )


def _observed(numbers: Any, expected: Expected) -> str:
    if "observed_value" in numbers:
        return str(numbers["observed_value"])
    count, total = numbers.get("unexpected_count", 0), numbers.get("element_count", 0)
    what = {"classes": "classes", "drift": "statistics"}.get(expected.table, "images")
    if not count:
        return f"all of {total:,} {what}"
    some = ", ".join(dict.fromkeys(_short(v) for v in numbers["partial_unexpected_list"]))
    shown = "" if some in ("True", "False") else f" ({some[:120]})"
    return f"{count:,} of {total:,} {what}{shown}"


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
