"""promote: what serves in one environment asks to serve in another one, and a person says so."""

from __future__ import annotations

from tasks.artifacts import markdown_table, show_page
from tasks.errors import Refused
from tasks.ports import Backend
from tasks.records import Promotion
from tasks.step import say, step

LONGEST = 200  # signs; tags of Azure hold 256


@step(name="approve-promotion", timeout_s=600, run_name="approve {name} of {on.name}")
def approve_promotion(on: Backend, name: str, approved_by: str, why: str) -> Promotion:
    """
    Take what serves at ``on`` now, with the decision of a person.

    Raises:
        Refused: nothing serves there, or nobody decided.
    """
    if not approved_by.strip():
        raise Refused("a promotion is a person's decision: say whose")
    if too_long := [text for text in (approved_by, why) if len(text) > LONGEST]:
        raise Refused(f"at most {LONGEST} signs are recorded of a name or a reason, not "
                      f"{len(too_long[0])}")  # fmt: skip
    live = on.endpoints.live(name) if on.endpoints else None
    if live is None or not live.image:
        raise Refused(f"nothing serves as {name} in {on.name}; release there first")
    version = on.registry.version(name, live.version)
    if version.digest != live.digest:
        raise Refused(f"{name} version {version.number} of {on.name} is not the model that serves "
                      "there")  # fmt: skip
    promotion = Promotion(version, on.name, live.image, approved_by.strip(), why.strip())
    say(f"{name} version {version.number} of {on.name} (digest {version.digest[:12]}), "
        f"approved by {promotion.approved_by}")  # fmt: skip
    show_page(
        "promotion",
        f"{name} version {version.number} of {on.name}",
        markdown_table(
            ("what", "value"),
            [
                ("approved by", promotion.approved_by),
                ("why", promotion.why or "-"),
                ("model digest", promotion.digest),
                ("image digest", promotion.image),
                ("accuracy at training time", f"{promotion.accuracy:.4f}"),
            ],
        ),
    )
    return promotion
