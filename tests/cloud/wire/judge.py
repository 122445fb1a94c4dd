"""
Azure's own OpenAPI, as judge of what was said to Resource Manager: by ``oav``, Azure's validator.

The documents are those of github.com/Azure/azure-rest-api-specs, whose folder ``specification``
lies where ``AZURE_REST_API_SPECS`` says.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.conftest import ROOT

SPECS = "AZURE_REST_API_SPECS"
PROGRAM = ROOT / ".venv" / "oav" / "node_modules" / ".bin" / "oav"
KINDS = (  # folders of the services that are spoken to
    "machinelearningservices", "containerinstance", "containerregistry", "cdn",
)  # fmt: skip
NEAREST = {  # asked for → of the documents at hand
    "2024-10-01-preview": "2024-04-01-preview",
    "2025-03-01-preview": "2019-06-01-preview",
    "2026-10-01": "2024-02-01",
}
FOLLOWED = "/operationresults/"  # where operations are followed: in no document
UNTOLD = {"host", "user-agent", "connection", "accept-encoding", "content-length"}
ALLOWED = {  # finding → why it is none
    ("Datastores_Get", "secrets"): "demanded by the document, yet no GET ever returns secrets",
}


@dataclass(frozen=True)
class Verdict:
    """
    Attributes:
        findings: "operation: what is wrong", those that are allowed aside.
        operations: names of those that were judged.
    """

    findings: tuple[str, ...]
    operations: frozenset[str]


def specs() -> Path:
    """
    Folder of Azure's OpenAPI documents.

    Raises:
        RuntimeError: nobody said where they are, or they are not there.
    """
    place = Path(os.environ.get(SPECS, "nowhere"))
    if not (place / "specification").is_dir():
        raise RuntimeError(
            f"{place} has no folder `specification`: let {SPECS} name a clone of "
            "github.com/Azure/azure-rest-api-specs, or leave this check out: -m 'not specs'"
        )
    return place


def judge(exchanges: Iterable[dict[str, Any]], place: Path) -> Verdict:
    """Compare requests and answers with the documents; ``place`` is an empty folder for that."""
    traffic, report = place / "traffic", place / "report.json"
    traffic.mkdir(parents=True)
    told = (each for each in exchanges if each["status"] and FOLLOWED not in each["url"])
    pairs = [_pair(each) for each in told]
    for number, pair in enumerate(pairs):
        (traffic / f"{number:04d}.json").write_text(json.dumps(pair))
    if not PROGRAM.exists():
        raise RuntimeError(f"{PROGRAM} is missing; install it by: make .venv/oav")
    small = _few(specs(), place / "specs")
    done = subprocess.run(
        [PROGRAM, "validate-traffic", traffic, small / "specification", "--jsonReport", report,
         "-r", place / "report.html", "-f", place / "oav.log", "-l", "error"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if not report.exists():  # its exit status is 1 always: its package lacks the HTML templates
        raise RuntimeError(f"oav gave no report: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    findings, operations = _judged(json.loads(report.read_text()))
    return Verdict((*_unknown(pairs, small), *findings), operations)


def _unknown(pairs: list[dict[str, Any]], small: Path) -> Iterator[str]:
    """Calls of which no document knows: oav passes over them without a word."""
    known = set()
    for file in small.rglob("*.json"):
        document = json.loads(file.read_text(encoding="utf-8-sig"))
        for path, methods in document.get("paths", {}).items():
            pattern = re.sub(r"\\{\w+\\}", "[^/]+", re.escape(path))
            known |= {(method.upper(), pattern, file.parent.name) for method in methods}
    for pair in pairs:
        method, url = pair["liveRequest"]["method"], urlsplit(pair["liveRequest"]["url"])
        version = dict(parse_qsl(url.query)).get("api-version", "")
        if not any(
            method == each and version == of and re.fullmatch(pattern, url.path, re.IGNORECASE)
            for each, pattern, of in known
        ):
            yield f"{method} {url.path} ({version}): Azure has no such operation"


def _few(whole: Path, place: Path) -> Path:
    """Only what is needed: all documents would be read, a minute long."""
    for kind in (*KINDS, "common-types"):
        shutil.copytree(whole / "specification" / kind, place / "specification" / kind)
    return place


def _pair(each: dict[str, Any]) -> dict[str, Any]:
    url = each["url"]
    for asked, known in NEAREST.items():
        url = url.replace(f"api-version={asked}", f"api-version={known}")
    told = {k.lower(): v for k, v in each["headers"].items() if k.lower() not in UNTOLD}
    request = {
        "method": each["method"], "url": f"https://management.azure.com{url}", "headers": told,
    }  # fmt: skip
    answer: dict[str, Any] = {"statusCode": str(each["status"]), "headers": dict(each["sent"])}
    if isinstance(each["request"], dict):
        request["body"] = each["request"]
    if each["response"] is not None:
        answer["headers"]["content-type"] = "application/json; charset=utf-8"
        answer["body"] = each["response"]
    return {"liveRequest": request, "liveResponse": answer}


def _judged(report: dict[str, Any]) -> tuple[list[str], frozenset[str]]:
    findings = []
    operations = {name for each in report["passedOperationsList"] for name in each["operationIds"]}
    for each in report["errors"]:
        operation, said = each.get("operationId", ""), each["errorMessage"]
        operations.add(operation)
        if (operation, said.rpartition(" ")[2]) not in ALLOWED:
            findings.append(f"{operation}: {each['issueSource']}: {said}")
    return findings, frozenset(operations)
