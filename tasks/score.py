"""score: a version answers any number of images, each once; what it said becomes a table."""

from __future__ import annotations

import os

from model.batch_score.options import Scoring
from model.batch_score.report import PICTURE
from model.batch_score.scores import SCORES_JSON, TENTHS, Scores
from tasks.artifacts import markdown_table, picture, show_page
from tasks.attempts import see_through
from tasks.digests import digest_of_file
from tasks.errors import Refused
from tasks.ports import Backend, BatchScorer
from tasks.records import ModelVersion
from tasks.scorings import Scored, ScoringJob, ScoringRun, scored_of
from tasks.state import CHECKOUT
from tasks.step import Skipped, say, step

SURE = 0.5  # below it, an answer is one of low confidence


@step(name="find-version", timeout_s=600, run_name="find version of {name}")
def find_version(on: Backend, name: str, number: int | None) -> ModelVersion:
    """
    The version of that number; by default the champion.

    Raises:
        Refused: there is none.
    """
    if number is not None:
        return on.registry.version(name, number)
    champion = on.registry.champion(name)
    if champion is None:
        known = ", ".join(str(version.number) for version in on.registry.versions(name)) or "none"
        raise Refused(f"no version of {name} was ever champion; release it first, or name one by "
                      f"--version; there are: {known}")  # fmt: skip
    return champion


def score_images(on: Backend, job: ScoringJob) -> Scored:
    """
    Submit, wait, and submit again if the run itself was lost; it goes on where it was.

    Raises:
        Refused: the images, or the place of the scores, cannot be used.
        Transient: the run was lost again and again.
    """
    return see_through(
        "the scoring",
        submit=lambda: submit_scoring(on, job),
        wait=lambda run: await_scoring(on, run),
        cancel=lambda: scorer_of(on).cancel(job),
    )


def scorer_of(on: Backend) -> BatchScorer:
    """Who scores there. Raises Refused: nobody does."""
    if on.scorer is None:
        raise Refused(f"the {on.name} backend scores no batches; use --backend local")
    return on.scorer


@step(name="submit-scoring", timeout_s=600, run_name="submit scoring {job.token:.8}")
def submit_scoring(on: Backend, job: ScoringJob) -> ScoringRun:
    """Start the run, let it go on, or find it running by its token."""
    return scorer_of(on).submit(job)


@step(name="await-scoring", timeout_s=None, run_name="scoring {run.token:.8}", retries=0)
def await_scoring(on: Backend, run: ScoringRun) -> Scored | Skipped[Scored]:
    """Follow the run to its end; starts nothing, so it may be repeated freely."""
    lines: list[str] = []

    def watch(line: str) -> None:
        lines.append(line)
        say(line)

    scores = scorer_of(on).wait(run, watch)
    report = run.folder / "report"
    _show(run, scores)
    scored = scored_of(run, scores, report, digest_of_file(report / SCORES_JSON))
    if lines and "holds these scores already" in lines[-1]:  # else it did something for them
        return Skipped(scored, f"{scores.said} before: nothing changed since {scores.ended}")
    return scored


def rows_of(scores: Scores) -> list[tuple[str, str, str]]:
    """Each class with its images and their share, the most frequent first."""
    counted = sorted(scores.totals.predicted.items(), key=lambda each: -each[1])
    return [(name, f"{count:,}", f"{count / scores.rows:.1%}") for name, count in counted]


def unsure_share(scores: Scores) -> float:
    """Of the answers, those whose confidence is below ``SURE``."""
    return sum(scores.totals.tenths[: int(SURE * TENTHS)]) / max(scores.rows, 1)


def _show(run: ScoringRun, scores: Scores) -> None:
    job, totals = run.job, scores.totals
    parts = [
        f"{scores.said}, by {job.version.name} version {job.version.number} "
        f"(digest {scores.model['digest'][:12]}). Data: `{job.data}` (digest "
        f"{scores.dataset['digest'][:12]}). Table: `{job.out}/scores`",
        picture(run.folder / "report" / PICTURE, "confidence and classes"),
        markdown_table(("class", "images", "share"), rows_of(scores)),
        f"Answers below {SURE:.0%} confidence: {unsure_share(scores):.1%}",
    ]
    if totals.labelled:
        parts.append(f"Right, of {totals.labelled:,} whose label is a class of the model: "
                     f"{totals.right / totals.labelled:.2%}")  # fmt: skip
    if scores.bad:
        table = markdown_table(("image", "problem"), totals.problems)
        parts += [f"## Could not be scored: {scores.bad:,}", table, f"All: `{job.out}/bad`"]
    show_page("scores", f"Scores of {job.data}: {scores.said}", "\n\n".join(parts))


def describe_scoring(
    data: str, out: str, version: ModelVersion, scoring: Scoring, is_captured: bool
) -> ScoringJob:
    """All that decides what is scored, and where it goes."""
    return ScoringJob(placed(data), placed(out), version, scoring, is_captured)


def placed(uri: str) -> str:
    """A URL, or a whole path: one that is not begins at the checkout, where programs run."""
    path = uri.removeprefix("file://")
    return uri.rstrip("/") if "://" in path else os.path.normpath(CHECKOUT / path)
