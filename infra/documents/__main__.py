"""``python -m infra.documents``: write what the code says of itself, then make the site."""

from __future__ import annotations

import sys

from infra.documents.links import BadLink
from infra.documents.site import BadSite, main

if __name__ == "__main__":
    try:
        code = main()
    except (BadLink, BadSite) as error:
        print(f"failed: {error}", file=sys.stderr)
        code = 1
    raise SystemExit(code)
