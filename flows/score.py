"""score: a version answers many images at once; the answers become a table."""

# No postponed annotations here: Prefect makes the form of the UI from the types themselves.
from prefect import flow

from flows.evidence import evidence_of
from flows.forms import Name, Where
from flows.outcome import explained
from model.batch_score.options import Scoring
from tasks import backends
from tasks.ports import scoring_part
from tasks.score import describe_scoring, find_version, placed, score_images
from tasks.scorings import Scored, token_of
from tasks.step import say


@flow(name="score", flow_run_name="score {data}", persist_result=False)
@explained
def score(
    data: str,
    out: str,
    name: Name,
    version: int | None = None,
    backend: Where = "local",
    scoring: Scoring = Scoring(),  # noqa: B008 (frozen)
    capture: bool = False,
) -> Scored:
    """
    Let a version of ``name`` answer every image at ``data``, and keep the answers at ``out``.

    Args:
        data: folder, Parquet file or fsspec URL of the images.
        out: folder or fsspec URL of the answers; other answers there are refused, or replaced.
        name: of the model.
        version: number of the version; by default the champion.
        backend: where to work: local or azure.
        scoring: which images, by what, and how the answers are kept.
        capture: let the drift monitor count a sample of the answers as traffic of the endpoint.
    """
    on = backends.choose(backend)
    # A lock of its own, by place: a scoring may take hours, and nothing else need wait for it.
    part = scoring_part(token_of(placed(out)))
    alone = on.ledger.exclusive(f"scoring into {out}", say, part=part)
    with alone, evidence_of("score", on):
        found = find_version(on, name, version)
        return score_images(on, describe_scoring(data, out, found, scoring, capture))
