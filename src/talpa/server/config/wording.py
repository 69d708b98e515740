"""Errors of the schema in a person's words."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from talpa.server.config.checking import guess
from talpa.server.config.problems import Finding
from talpa.server.config.schema import Settings

_TYPES = {
    "string_type": "must be text in quotes",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "finite_number": "must be a finite number",
    "bool_type": "must be true or false",
}

_MOVED = {
    ("l2tp", "require_ipsec"): (
        "is now require under [ipsec]",
        "remove the line; where cleartext is meant, add [ipsec] with require = false",
    )
}
"""Options that are elsewhere: what to say, and what to do."""

_MOST_WRITTEN = 10**20
"""Numbers from here on are not written out."""


def findings(errors: Sequence[ErrorDetails]) -> Iterator[Finding]:
    """The errors of pydantic as findings."""
    for error in errors:
        # Broken entries are not counted, so a list of them would seem too short as well.
        followed = any(
            len(other["loc"]) > len(error["loc"])
            and other["loc"][: len(error["loc"])] == error["loc"]
            for other in errors
        )
        if error["type"] != "too_short" or not followed:
            yield _finding(error)


def _finding(error: ErrorDetails) -> Finding:
    path = error["loc"]
    context = error.get("ctx", {})
    match error["type"]:
        case "talpa":
            if _tables(path):
                header = ".".join(part for part in path if isinstance(part, str))
                return Finding(path, "must be tables", f"begin each with a line [[{header}]]")
            return Finding(path, context["what"], context["hint"])
        case "missing":
            return _missing(path)
        case "extra_forbidden":
            return _unknown(path)
        case "literal_error":
            return _no_choice(path, error["input"], context)
        case "greater_than_equal":
            what = f"{_number(error['input'])} is too small"
            return Finding(path, what, f"the least is {_amount(path, context['ge'])}")
        case "less_than_equal":
            what = f"{_number(error['input'])} is too large"
            return Finding(path, what, f"the most is {_amount(path, context['le'])}")
        case "too_short":
            return Finding(path, f"must have {_entries(context['min_length'])} or more")
        case "too_long":
            return Finding(path, f"must have {_entries(context['max_length'])} or fewer")
        case "model_type":
            name = ".".join(part for part in path if isinstance(part, str))
            many = isinstance(path[-1], int)
            header = f"[[{name}]]" if many else f"[{name}]"
            return Finding(path, "must be a table", f"begin it with a line {header}")
        case kind if kind in _TYPES:
            return Finding(path, _TYPES[kind])
        case _:
            return Finding(path, error["msg"])


def _missing(path: tuple[str | int, ...]) -> Finding:
    example = _extra(path, "example")
    return Finding(path, "is missing", f'add a line such as {path[-1]} = "{example}"')


def _unknown(path: tuple[str | int, ...]) -> Finding:
    if path in _MOVED:
        return Finding(path, *_MOVED[path])
    model = _model(path[:-1])
    options = [field.alias or name for name, field in model.model_fields.items()]
    names = f"there are: {', '.join(options)}"
    kind = "section" if len(path) == 1 else "option"
    return Finding(path, f"there is no such {kind}", guess(str(path[-1]), options) or names)


def _no_choice(path: tuple[str | int, ...], value: object, context: Mapping[str, Any]) -> Finding:
    choices = context["expected"].replace(" or ", ", ").replace("'", "").split(", ")
    listed = f"choose from {', '.join(choices)}"
    if not isinstance(value, str):
        return Finding(path, "must be text in quotes", listed)
    return Finding(path, f"{_shown(value)} is not possible here", listed)


def _shown(value: str) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f'{text[:56]}..."'


def _number(value: float) -> str:
    """A number as a person may read it."""
    # Python refuses to write numbers of some thousand digits, and nobody wants to read them.
    if abs(value) < _MOST_WRITTEN:
        return str(value)
    return "the number"


def _entries(count: int) -> str:
    return "1 entry" if count == 1 else f"{count} entries"


def _amount(path: tuple[str | int, ...], amount: float) -> str:
    unit = _extra(path, "unit")
    return f"{amount} {unit.removesuffix('s') if amount == 1 else unit}".rstrip()


def _tables(path: tuple[str | int, ...]) -> bool:
    """Whether there are tables `[[...]]` at `path`."""
    for name, field in _model(path[:-1]).model_fields.items():
        if (field.alias or name) == path[-1]:
            return get_origin(field.annotation) is tuple and _section(field.annotation) is not None
    return False


def _extra(path: tuple[str | int, ...], key: str) -> str:
    """What the option at `path` says of itself under `key`."""
    model = _model(path[:-1])
    for name, field in model.model_fields.items():
        if (field.alias or name) == path[-1] and isinstance(field.json_schema_extra, dict):
            return str(field.json_schema_extra[key])
    return ""


def _model(path: tuple[str | int, ...]) -> type[BaseModel]:
    """The model that describes the table at `path`."""
    model: type[BaseModel] = Settings
    for part in path:
        for name, field in model.model_fields.items():
            if (field.alias or name) == part:
                model = _section(field.annotation) or model
    return model


def _section(annotation: Any) -> type[BaseModel] | None:
    """The model in `Model` or `tuple[Model, ...]`."""
    for kind in (annotation, *get_args(annotation)):
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            return kind
    return None
