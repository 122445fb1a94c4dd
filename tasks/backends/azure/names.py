"""Names that Azure takes for what belongs to an endpoint."""

from __future__ import annotations

import re

from tasks.digests import digest_of

LONGEST = 30  # leaves room for what is put behind it


def slug(name: str) -> str:
    """Small letters, digits and dashes; names that differ stay different."""
    plain = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    if plain == name and len(plain) <= LONGEST and plain[0].isalpha():
        return plain
    return f"m-{plain[: LONGEST - 9].strip('-')}-{digest_of(name)[:6]}"
