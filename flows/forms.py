"""What the forms of Prefect's pages offer, beside the types of the flows' own parameters."""

# No postponed annotations here: Prefect makes the form of the UI from the types themselves.
from typing import Annotated

from pydantic import Field, WithJsonSchema

# An environment of Azure is a file .env.<name>; add yours here to choose it in the forms. The
# command line takes any.
BACKENDS = ("local", "azure", "azure:dev", "azure:prod")
AZURES = tuple(name for name in BACKENDS if name.startswith("azure:"))
SAMPLE = "model/sample/fashion-mnist.parquet"

Where = Annotated[str, WithJsonSchema({"type": "string", "enum": list(BACKENDS)})]
Environment = Annotated[str, WithJsonSchema({"type": "string", "enum": list(AZURES)})]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._-]{0,62}$")]
Hours = Annotated[float, Field(gt=0, le=24 * 30)]
