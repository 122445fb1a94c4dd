"""Kinds of blocks that people fill in on Prefect's pages: who is told, and who we are in Azure."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import TYPE_CHECKING

from prefect.client.orchestration import SyncPrefectClient
from prefect.exceptions import ObjectNotFound

from flows.changes import Change, changed

if TYPE_CHECKING:
    from prefect.blocks.core import Block

NOTICES = "prefect.blocks.notifications"
# A server of one's own may have registered them at its start; Prefect Cloud has them all.
OFFERED = {
    "slack-webhook": (NOTICES, "SlackWebhook"),
    "ms-teams-webhook": (NOTICES, "MicrosoftTeamsWebhook"),
    "sendgrid-email": (NOTICES, "SendgridEmail"),
    "custom-webhook": (NOTICES, "CustomWebhookNotificationBlock"),
    "webhook": ("prefect.blocks.webhook", "Webhook"),
}


def offer_blocks(client: SyncPrefectClient) -> Iterator[Change]:
    """Let the pages offer these kinds of blocks; those that they offer already are left alone."""
    for slug, (module, name) in OFFERED.items():
        is_there = _is_there(client, slug)
        if not is_there:
            kind: type[Block] = getattr(import_module(module), name)
            kind.register_type_and_schema()
        yield changed("block type", slug, is_there=is_there)


def _is_there(client: SyncPrefectClient, slug: str) -> bool:
    try:
        client.read_block_type_by_slug(slug)
    except ObjectNotFound:
        return False
    return True
