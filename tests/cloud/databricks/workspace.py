"""A Databricks workspace: one-time runs (Jobs 2.2) that really run, and files in volumes."""

from __future__ import annotations

import re
import shutil
import threading
from email.utils import formatdate
from pathlib import Path
from typing import Any

from tests.cloud.databricks.mlflow_server import API, MlflowServer
from tests.cloud.databricks.runs import ENDED, Run, Runs
from tests.cloud.subscription.login import DATABRICKS, Login
from tests.cloud.wire.authority import Authority
from tests.cloud.wire.record import Record
from tests.cloud.wire.site import Answer, Asked, Site

HOST = "adb-1234567890123456.7.azuredatabricks.net"
VOLUME = "/Volumes/main/mlops/files"
JOBS, FILES = "/api/2.2/jobs/runs", "/api/2.0/fs"
PATH = "(?P<path>/(?:Volumes|WorkspaceInternal/Mlflow/Artifacts)/.*)"
TASK = 1_000_000  # added to a run's number, it is that of its task's run


class Databricks:
    """The workspace at ``HOST``."""

    def __init__(
        self, runs: Runs, mlflow: MlflowServer, authority: Authority, record: Record, login: Login
    ) -> None:
        self.runs, self._login, self.mlflow = runs, login, mlflow
        runs.identity = self._identity
        self.site = Site("databricks", authority, record, _missing)
        for method, pattern, handler in (
            ("POST", f"{JOBS}/submit", self._submit),
            ("GET", f"{JOBS}/get", self._get),
            ("GET", f"{JOBS}/list", self._list),
            ("GET", f"{JOBS}/get-output", self._output),
            ("POST", f"{JOBS}/cancel", self._cancel),
            ("GET", "/api/2.0/preview/scim/v2/Me", self._me),
            ("GET", "/api/2.1/clusters/list-node-types", _node_types),
            ("GET", "/api/2.1/clusters/spark-versions", _runtimes),
            ("PUT", f"{FILES}/directories{PATH}", self._make_folder),
            ("GET", f"{FILES}/directories{PATH}", self._list_folder),
            ("HEAD", f"{FILES}/directories{PATH}", self._look_at_folder),
            ("DELETE", f"{FILES}/directories{PATH}", self._delete_folder),
            ("PUT", f"{FILES}/files{PATH}", self._put_file),
            ("GET", f"{FILES}/files{PATH}", self._get_file),
            ("HEAD", f"{FILES}/files{PATH}", self._get_file),
            ("DELETE", f"{FILES}/files{PATH}", self._delete_file),
        ):  # fmt: skip
            self.site.route(method, pattern)(self._guarded(handler))
        for method in ("GET", "POST", "PATCH", "DELETE"):
            self.site.route(method, f"{API}/.*")(self._guarded(mlflow.answer))
        self.site.route("GET", "/.well-known/databricks-config")(_about)

    def _identity(self) -> dict[str, str]:
        """That of a run, as the runtime gives it to programs that ask for the workspace."""
        return {"DATABRICKS_HOST": f"https://{HOST}",
                "DATABRICKS_TOKEN": self._login.token(DATABRICKS)}  # fmt: skip

    def _guarded(self, handler: Any) -> Any:
        def answer(asked: Asked, **names: str) -> Answer:
            if not asked.token:
                return _problem(401, "UNAUTHENTICATED", "Credential was not sent.")
            if why := self._login.refusal(asked.token, DATABRICKS):
                return _problem(403, "PERMISSION_DENIED", f"Invalid access token: {why}.")
            return handler(asked, **names)  # type: ignore[no-any-return]

        return answer

    def _submit(self, asked: Asked) -> Answer:
        given = asked.body
        if len(given.get("idempotency_token", "")) > 64:
            return _problem(400, "INVALID_PARAMETER_VALUE", "idempotency_token is too long.")
        task = given["tasks"][0]
        if not any(
            key in task for key in ("new_cluster", "existing_cluster_id", "environment_key")
        ):
            return _problem(
                400, "INVALID_PARAMETER_VALUE", "One of job_cluster_key, new_cluster, "
                "existing_cluster_id or environment_key must be specified.",
            )  # fmt: skip
        if "--tracking-uri" in task["python_wheel_task"].get("parameters", ()):
            threading.Thread(target=self.mlflow.begin, daemon=True).start()
        number = self.runs.submit(given)
        if self.runs.get(number) is None:
            return _problem(400, "INVALID_PARAMETER_VALUE",
                            "The run with that idempotency token was deleted.")  # fmt: skip
        return Answer(body={"run_id": number})

    def _get(self, asked: Asked) -> Answer:
        run = self.runs.get(int(asked.query["run_id"]))
        return Answer(body=_view(run)) if run else _no_run(asked.query["run_id"])

    def _list(self, asked: Asked) -> Answer:
        is_active = asked.query.get("active_only") == "true"
        found = self.runs.active() if is_active else self.runs.all()
        found.reverse()
        start = int(asked.query.get("page_token", 0))
        most = int(asked.query.get("limit", 20))
        body: dict[str, Any] = {"runs": [_view(run) for run in found[start : start + most]]}
        if start + most < len(found):
            body["next_page_token"] = str(start + most)
        return Answer(body=body)

    def _output(self, asked: Asked) -> Answer:
        number = int(asked.query["run_id"])
        if self.runs.get(number):
            return _problem(400, "INVALID_PARAMETER_VALUE", "Retrieving the output of runs with "
                            "multiple tasks is not supported. Please retrieve the output of each "
                            "individual task run instead.")  # fmt: skip
        run = self.runs.get(number - TASK)
        if run is None:
            return _no_run(str(number))
        logs = self.runs.logs(run["run_id"])
        body = {"metadata": _view(run), "logs": logs, "logs_truncated": False}
        if run["state"].get("result_state") == "FAILED":
            body["error"] = (logs.strip().splitlines() or ["failed"])[-1]
            body["error_trace"] = logs
        return Answer(body=body)

    def _cancel(self, asked: Asked) -> Answer:
        number = asked.body["run_id"]
        if self.runs.get(number) is None:
            return _no_run(str(number))
        self.runs.cancel(number)
        return Answer(body={})

    def _me(self, _: Asked) -> Answer:
        return Answer(body={"id": "1", "userName": "stand-in@example.com"})

    def _make_folder(self, _: Asked, path: str) -> Answer:
        self._place(path).mkdir(parents=True, exist_ok=True)
        return Answer(204)

    def _list_folder(self, _: Asked, path: str) -> Answer:
        place = self._place(path)
        if not place.is_dir():
            return _problem(404, "NOT_FOUND", "The directory being accessed is not found.")
        found = [{"path": f"{path.rstrip('/')}/{each.name}", "name": each.name,
                  "is_directory": each.is_dir(),
                  **({} if each.is_dir() else {"file_size": each.stat().st_size})}
                 for each in sorted(place.iterdir())]  # fmt: skip
        return Answer(body={"contents": found})

    def _look_at_folder(self, _: Asked, path: str) -> Answer:
        if self._place(path).is_dir():
            return Answer(200, b"")
        return _problem(404, "NOT_FOUND", "The directory being accessed is not found.")

    def _delete_folder(self, _: Asked, path: str) -> Answer:
        place = self._place(path)
        if not place.is_dir():
            return _problem(404, "NOT_FOUND", "The directory being accessed is not found.")
        if any(place.iterdir()):
            return _problem(400, "INVALID_PARAMETER_VALUE", "The directory is not empty.")
        place.rmdir()
        return Answer(204)

    def _put_file(self, asked: Asked, path: str) -> Answer:
        place = self._place(path)
        if place.exists() and asked.query.get("overwrite") != "true":
            return _problem(409, "ALREADY_EXISTS", "The file being created already exists.")
        place.parent.mkdir(parents=True, exist_ok=True)
        draft = place.with_name(f"{place.name}.upload")
        draft.write_bytes(asked.raw)
        draft.replace(place)
        return Answer(204)

    def _get_file(self, asked: Asked, path: str) -> Answer:
        place = self._place(path)
        if not place.is_file():
            return _problem(404, "NOT_FOUND", "The file being accessed is not found.")
        data = place.read_bytes()
        headers = {"Last-Modified": formatdate(place.stat().st_mtime, usegmt=True)}
        if part := re.fullmatch(r"bytes=(\d+)-(\d*)", asked.headers.get("range", "")):
            first, last = int(part[1]), min(int(part[2] or len(data)), len(data) - 1)
            headers["Content-Range"] = f"bytes {first}-{last}/{len(data)}"
            return Answer(206, data[first : last + 1], headers)
        return Answer(body=data, headers=headers)

    def _delete_file(self, _: Asked, path: str) -> Answer:
        place = self._place(path)
        if place.is_dir():
            shutil.rmtree(place)
        elif not place.exists():
            return _problem(404, "NOT_FOUND", "The file being accessed is not found.")
        else:
            place.unlink()
        return Answer(204)

    def _place(self, path: str) -> Path:
        return self.runs.path(path)


def _about(_: Asked) -> Answer:
    """What every client asks first, without a token."""
    return Answer(body={"cloud": "Azure", "workspace_id": "1234567890123456"})


def _node_types(_: Asked) -> Answer:
    return Answer(body={"node_types": [
        {"node_type_id": name, "memory_mb": memory, "num_cores": cores, "description": name,
         "instance_type_id": name, "category": "General Purpose", "node_info": {"status": []}}
        for name, memory, cores in (
            ("Standard_D4ds_v5", 16384, 4.0), ("Standard_D8ds_v5", 32768, 8.0),
            ("Standard_NC4as_T4_v3", 28672, 4.0),
        )
    ]})  # fmt: skip


def _runtimes(_: Asked) -> Answer:
    keys = ("17.3.x-cpu-ml-scala2.13", "16.4.x-cpu-ml-scala2.12", "14.3.x-cpu-ml-scala2.12")
    return Answer(body={"versions": [{"key": key, "name": key} for key in keys]})


def _view(run: Run) -> dict[str, Any]:
    number, state = run["run_id"], run["state"]
    ended = state["life_cycle_state"] in ENDED
    status: dict[str, Any] = {"state": "TERMINATED" if ended else state["life_cycle_state"]}
    if ended:
        status["termination_details"] = run["termination"]
    task = {**run["tasks"][0], "run_id": number + TASK, "state": state, "status": status,
            "attempt_number": 0}  # fmt: skip
    return {
        "run_id": number, "job_id": 900_000 + number, "number_in_job": number, "state": state,
        "status": status, "run_name": run.get("run_name", ""), "run_type": "SUBMIT_RUN",
        "run_page_url": f"https://{HOST}/?o=1#job/{900_000 + number}/run/{number}",
        "creator_user_name": "stand-in@example.com", "format": "MULTI_TASK",
        "start_time": run["start_time"], "end_time": run["end_time"], "tasks": [task],
    }  # fmt: skip


def _problem(status: int, code: str, message: str) -> Answer:
    return Answer(status, {"error_code": code, "message": message})


def _no_run(number: str) -> Answer:
    return _problem(400, "INVALID_PARAMETER_VALUE", f"Run {number} does not exist.")


def _missing(asked: Asked) -> Answer:
    return _problem(404, "ENDPOINT_NOT_FOUND", f"No API found for '{asked.method} {asked.path}'")
