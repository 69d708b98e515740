"""What every section of the configuration file is made of."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


def option(
    doc: str,
    *,
    default: Any = ...,
    unit: str = "",
    alias: str | None = None,
    example: str = "",
    **bounds: Any,
) -> Any:
    """An option: what it is for, its default (none: it must be given), unit, and bounds."""
    return Field(
        default,
        description=doc,
        alias=alias,
        json_schema_extra={"unit": unit, "example": example},
        **bounds,
    )


class Section(BaseModel):
    """What all sections share: frozen, strict, no unknown keys, no input in errors."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        hide_input_in_errors=True,
        validate_default=True,
        allow_inf_nan=False,
    )
