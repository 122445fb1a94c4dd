"""Two resource groups with nothing in them, and somebody who owns them."""

from __future__ import annotations

from tests.cloud.deployments.estate import Estate
from tests.cloud.deployments.places import Place
from tests.cloud.subscription.arm import REGION, SUBSCRIPTION
from tests.cloud.subscription.login import CLIENT

DEV, PROD = "rg-mlops-dev", "rg-mlops-prod"
PEOPLE = "99999999-0000-0000-0000-000000000009"  # a group of them
PLACES = {name: Place(SUBSCRIPTION, name, REGION) for name in (DEV, PROD)}


def empty_estate() -> Estate:
    """Nothing is in it yet."""
    return Estate(dict(PLACES), {CLIENT}, {PEOPLE})
