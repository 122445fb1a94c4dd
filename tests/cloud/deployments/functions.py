"""
The functions of templates, as far as ours uses them.

learn.microsoft.com/azure/azure-resource-manager/templates/template-functions
"""

from __future__ import annotations

import base64
import hashlib
import re
import uuid
from collections.abc import Callable
from typing import Any

from tests.cloud.deployments.expressions import Later, Wrong
from tests.cloud.deployments.places import Place

_GUIDS = uuid.UUID("11fb06fb-712d-4ddd-98c7-e71bbd588830")  # the namespace that Azure takes
_PLACEHOLDER = re.compile(r"\{(\d+)\}")


def called(name: str, arguments: list[Later], place: Place) -> Any:
    """
    What a function gives that depends on nothing but its arguments and the place.

    Raises:
        Wrong: there is no such function here.
    """
    if name.lower() == "if":  # of the two, only one is worked out
        condition, yes, no = arguments
        return yes() if condition() else no()
    given = [each() for each in arguments]
    if name.lower() in _PLACES:
        return _PLACES[name.lower()](place, *given)
    if name.lower() in _PLAIN:
        return _PLAIN[name.lower()](*given)
    raise Wrong("InvalidTemplate", f"the template function '{name}' is not valid, or unknown here")


def _format(text: str, *given: Any) -> str:
    return _PLACEHOLDER.sub(lambda found: str(given[int(found[1])]), text)


def _concat(*given: Any) -> Any:
    if isinstance(given[0], list):
        return [each for part in given for each in part]
    return "".join(str(part) for part in given)


def _unique(*given: str) -> str:
    """13 signs that depend on nothing else; other ones than Azure's, whose way is not published."""
    digest = hashlib.sha256("-".join(given).encode()).digest()
    return base64.b32encode(digest).decode("ascii").lower()[:13]


def _object(*given: Any) -> dict[str, Any]:
    return dict(zip(given[::2], given[1::2], strict=True))


def _resource_id(place: Place, *given: str) -> str:
    """(subscription, (group,)) type and names."""
    words = list(given)
    kind = next(number for number, word in enumerate(words) if "/" in word)
    subscription, group = (place.subscription, place.group, *words[:kind])[-2:]
    if kind == 1:
        subscription = place.subscription
    return Place(subscription, group, place.region).id_of(words[kind], words[kind + 1 :])


def _subscription_resource_id(place: Place, kind: str, *names: str) -> str:
    return f"/subscriptions/{place.subscription}/providers/{Place.tail(kind, list(names))}"


_PLAIN: dict[str, Callable[..., Any]] = {
    "format": _format, "concat": _concat, "uniquestring": _unique, "createobject": _object,
    "createarray": lambda *given: list(given),
    "guid": lambda *given: str(uuid.uuid5(_GUIDS, "-".join(given))),
    "empty": lambda value: value is None or len(value) == 0,
    "not": lambda value: not value, "length": len, "last": lambda value: value[-1],
    "split": lambda text, sign: text.split(sign), "take": lambda value, number: value[:number],
    "true": lambda: True, "null": lambda: None,
}  # fmt: skip
_PLACES: dict[str, Callable[..., Any]] = {
    "resourceid": _resource_id, "subscriptionresourceid": _subscription_resource_id,
    "resourcegroup": lambda place: {
        "id": place.id, "name": place.group, "location": place.region,
    },
    "subscription": lambda place: {
        "id": f"/subscriptions/{place.subscription}", "subscriptionId": place.subscription,
        "tenantId": place.tenant,
    },
}  # fmt: skip
