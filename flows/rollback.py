"""rollback: an earlier version serves again, after the same proof as any other."""

# No postponed annotations here: Prefect makes the form of the UI from the types themselves.
from prefect import flow

from flows.evidence import evidence_of
from flows.forms import Name, Where
from flows.outcome import explained
from tasks import backends
from tasks.deploy import serve
from tasks.errors import Refused
from tasks.ports import Backend, endpoint_part
from tasks.records import Deployment, ModelVersion
from tasks.step import say


@flow(name="rollback", flow_run_name="rollback {name}", persist_result=False)
@explained
def rollback(name: Name, to: int | None = None, backend: Where = "local") -> Deployment:
    """
    Let an earlier version of ``name`` serve again.

    Args:
        name: of model and endpoint.
        to: number of the version; by default the one that served before.
        backend: where the endpoint is: local or azure.
    """
    on = backends.choose(backend)
    alone = on.ledger.exclusive(f"rollback of {name}", say, part=endpoint_part(name))
    with alone, evidence_of("rollback", on):
        version = _before(on, name) if to is None else on.registry.version(name, to)
        if version is None:
            raise Refused(_nothing_before(on, name))
        return serve(on, version)


def _nothing_before(on: Backend, name: str) -> str:
    """Why there is nothing to go back to, and what there is."""
    known = [version.number for version in on.registry.versions(name)]
    if not known:
        endpoints = ", ".join(on.endpoints.names()) if on.endpoints else ""
        return f"no endpoint {name!r}; there are: {endpoints or 'none'}"
    if len(known) == 1:
        return f"version {known[0]} is the only one of {name}: there is nothing to go back to"
    listed = ", ".join(map(str, known))
    return f"no version of {name} served before the champion; name one by --to: {listed}"


def _before(on: Backend, name: str) -> ModelVersion | None:
    """What served before; a release that was killed in its last step serves uncrowned."""
    champion, live = on.registry.champion(name), on.endpoints and on.endpoints.live(name)
    is_crowned = not live or not champion or live.version == champion.number
    return on.registry.previous(name) if is_crowned else champion
