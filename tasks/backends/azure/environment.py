"""
Settings out of the environment or a ``.env`` file: all that is wrong is told at once.

Where there are several environments, such as dev and prod, ``.env.<name>`` holds what is other in
one of them, and comes before all else.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, TypeVar

from dotenv import dotenv_values
from pydantic import AfterValidator, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from tasks.errors import Refused

Settings = TypeVar("Settings", bound="FromHere")


class FromHere(BaseSettings):
    """Settings out of the environment or ``.env``; one that is empty is one that is not set."""

    model_config = SettingsConfigDict(
        env_file=".env", env_file_encoding="utf-8", extra="ignore", frozen=True
    )

    @model_validator(mode="before")
    @classmethod
    def _without_empty(cls, given: dict[str, Any]) -> dict[str, Any]:
        """So that ``.env.prod`` can take back what ``.env`` says."""
        return {name: value for name, value in given.items() if value != ""}


def matching(pattern: str, example: str) -> AfterValidator:
    """A value that does not match is refused with an example of one that does."""

    def judge(value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise ValueError(f"{value!r} is not like {example}")
        return value

    return AfterValidator(judge)


def read(kind: type[Settings], environment: str = "") -> Settings:
    """
    The settings of that kind.

    Args:
        environment: the name of one, if there are several.

    Raises:
        Refused: some are missing or cannot be; every one is named, with where to find it.
    """
    given = _given(environment)
    try:
        return kind(**given)
    except ValidationError as error:
        reasons = tuple(_said(kind, fault["loc"][0], fault["type"], fault["msg"]) for fault in
                        error.errors(include_input=False))  # fmt: skip
        lines = "\n".join(f"  · {reason}" for reason in reasons)
        raise Refused(
            f"the azure backend needs settings ({_places(environment)}):\n{lines}\n"
            "docs/azure.md lists them all; `make cloud` needs none.",
            reasons=reasons,
        ) from error


def _given(environment: str) -> dict[str, Any]:
    if not environment:
        return {}
    file = Path(f".env.{environment}")
    if not file.is_file():
        raise Refused(f"there is no {file} here: it holds what is other in the environment "
                      f"{environment}, such as AZURE_RESOURCE_GROUP=rg-{environment} "
                      "(docs/azure.md)")  # fmt: skip
    return {key: value for key, value in dotenv_values(file).items() if value is not None}


def _places(environment: str) -> str:
    return f".env.{environment}, environment or .env" if environment else "environment or .env"


def _said(of: type[BaseSettings], name: object, kind: str, message: str) -> str:
    where = next(
        (str(field.description) for field in of.model_fields.values()
         if field.validation_alias == name), ""
    )  # fmt: skip
    what = "is not set" if kind == "missing" else message.removeprefix("Value error, ")
    return f"{name}: {what} (find it by: {where})"
