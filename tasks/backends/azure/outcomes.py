"""
Why a run on Databricks ended: what may be tried again, what a person must mend, what is our bug.

Codes as in the Jobs API 2.2 (``termination_details.code``).
"""

from __future__ import annotations

from tasks.errors import Refused, Transient

AGAIN = {
    "CLOUD_FAILURE", "CLUSTER_ERROR", "CLUSTER_REQUEST_LIMIT_EXCEEDED", "DRIVER_ERROR",
    "INTERNAL_ERROR", "MAX_CONCURRENT_RUNS_EXCEEDED", "MAX_JOB_QUEUE_SIZE_EXCEEDED",
    "MAX_SPARK_CONTEXTS_EXCEEDED", "REPOSITORY_CHECKOUT_FAILED", "STORAGE_ACCESS_ERROR",
    "WORKSPACE_RUN_LIMIT_EXCEEDED", "BREAKING_CHANGE", "CLUSTER_TERMINATED_BY_USER",
}  # fmt: skip
MEND = {
    "BUDGET_POLICY_LIMIT_EXCEEDED": "the budget policy has no money left",
    "DISABLED": "the run was disabled",
    "FEATURE_DISABLED": "the workspace lacks a feature",
    "INVALID_CLUSTER_REQUEST": "look at MLOPS_NODE_TYPE, MLOPS_RUNTIME and the cluster policy",
    "INVALID_RUN_CONFIGURATION": "look at MLOPS_RUNTIME and DATABRICKS_CLUSTER_ID",
    "LIBRARY_INSTALLATION_ERROR": "look at the libraries of infra/requirements/train.in",
    "RESOURCE_NOT_FOUND": "look at DATABRICKS_CLUSTER_ID",
    "UNAUTHORIZED_ERROR": "the identity may not do this; docs/azure.md lists the roles",
    "USER_CANCELED": "a person cancelled it, or a sweep that found nobody waiting for it; released "
    "again, it goes on from its last epoch",
    "CANCELED": "it ran longer than MLOPS_RUN_HOURS",
    "SKIPPED": "it never began",
}

WORDS = {  # in the message of whichever code: a second try would end as the first
    "QUOTA": "ask Azure for more cores of that family, or choose another MLOPS_NODE_TYPE",
    "SKUNOTAVAILABLE": "this region has no such machine now; choose another MLOPS_NODE_TYPE",
    "NOT AVAILABLE IN": "this region has no such machine; choose another MLOPS_NODE_TYPE",
}


def explained(code: str, message: str, page: str, output: str) -> Exception:
    """
    What to raise for a run that did not succeed.

    Args:
        code: of its termination.
        message: that came with it.
        page: where to look at the run.
        output: the end of what the task wrote, with its traceback.
    """
    said = f"the run on Databricks ended as {code}{f': {message}' if message else ''}"
    where = f"\nLook at {page}"
    cure = next((cure for word, cure in WORDS.items() if word in message.upper()), MEND.get(code))
    if cure:
        return Refused(f"{said}; {cure}{where}", reasons=(said,))
    if code in AGAIN:
        return Transient(f"{said}{where}")
    if refused := _said("refused: ", output):  # by the program, of data that it cannot use
        return Refused(refused, reasons=(refused,))
    if failed := _said("failed: ", output):  # by the program, of what may go well next time
        return Transient(f"{failed}{where}")
    return RuntimeError(f"{said}\n{output.strip()}{where}")


def _said(start: str, output: str) -> str:
    """The last line of a program's own that begins so."""
    found = [line for line in output.splitlines() if line.startswith(start)]
    return found[-1].removeprefix(start) if found else ""
