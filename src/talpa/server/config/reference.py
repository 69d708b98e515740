"""The reference page and the annotated sample of the configuration file, from its schema."""

import json
import re
import textwrap
from collections.abc import Iterator
from datetime import date
from ipaddress import IPv4Address
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, NamedTuple, Union, get_args, get_origin

from annotated_types import Ge, Le, MaxLen, MinLen
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from talpa.sansio import Address
from talpa.server.config.files import ReadFile
from talpa.server.config.schema import Settings
from talpa.wire import Secret

_COLUMNS = 88
_DATE = re.compile(r"\d{4}-\d\d-\d\d")

_KINDS: dict[object, str] = {
    str: "text",
    bool: "true or false",
    int: "whole number",
    float: "number",
    Secret: "text, kept secret",
    Path: "absolute path",
    ReadFile: "file",
    Address: "address and port",
    date: "date",
    IPv4Address: "IPv4 address",
}


class Option(NamedTuple):
    """One option as the page and the sample show it."""

    key: str
    kind: str
    unit: str
    bounds: str
    default: str | None
    """In TOML; None: it must be given, or there is none."""
    required: bool
    example: str
    """In TOML; empty: the default says enough."""
    doc: str


class Table(NamedTuple):
    """One section."""

    header: str
    """As it stands in the file: "[ppp]", "[[user]]"."""
    doc: str
    options: tuple[Option, ...]


def tables() -> tuple[Table, ...]:
    """Every section in the order of the schema; nested ones follow theirs."""
    return tuple(_tables(Settings, ""))


def reference_page() -> str:
    """The reference in Markdown."""
    lines = [
        "# Configuration file",
        "",
        "<!-- Made from the schema by `python -m talpa.server.config.reference page`. -->",
        "",
        "One file in TOML. `talpa check-config -c FILE` finds every problem in it, with line and "
        "key. Where no default is given, the option may be left out, unless it is required.",
    ]
    for table in tables():
        lines += ["", f"## `{table.header}`", "", table.doc, ""]
        lines += ["| option | value | default | meaning |", "| --- | --- | --- | --- |"]
        lines += [_row(option) for option in table.options]
    return "\n".join(lines) + "\n"


def sample() -> str:
    """A configuration with every option, explained, that can be used as it is. Optional ones stand
    in comments."""
    lines = [
        "# Every option of Talpa's configuration. What is commented out shows its default, or an",
        "# example where there is none. Find problems with: talpa check-config -c FILE",
    ]
    for table in tables():
        # A second kind of peer or user is nothing to begin with.
        optional = table.header in _OPTIONAL
        lines += ["", *_comment(table.doc), f"# {table.header}" if optional else table.header]
        for option in table.options:
            lines += ["", *_comment(option.doc + _facts(option))]
            shown = option.example or option.default
            live = not optional and (option.required or option.key in _LIVE.get(table.header, ()))
            lines.append(f"{'' if live else '# '}{option.key} = {shown}")
    return "\n".join(lines) + "\n"


_OPTIONAL = (
    "[[l2tp.peer]]",
    "[ipsec.certificate]",
    "[[ipsec.allow_weak]]",
    "[[ipsec.connection]]",
    "[[ipsec.ppk]]",
)
"""Tables that the sample has in comments only."""

_LIVE = {"[[ipsec.psk]]": ("secret",), "[[pool]]": ("ipv6", "dns")}
"""Options that the sample sets though they need not be."""


def _tables(model: type[BaseModel], prefix: str) -> Iterator[Table]:
    for name, field in model.model_fields.items():
        kind, many = _section(field.annotation)
        if kind is None:
            continue
        key = f"{prefix}{field.alias or name}"
        options = tuple(
            _option(inner.alias or inner_name, inner)
            for inner_name, inner in kind.model_fields.items()
            if _section(inner.annotation)[0] is None
        )
        yield Table(f"[[{key}]]" if many else f"[{key}]", field.description or "", options)
        yield from _tables(kind, f"{key}.")


def _section(annotation: Any) -> tuple[type[BaseModel] | None, bool]:
    """The model of a section, and whether there may be many."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation, False
    for inner in get_args(annotation):
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            return inner, get_origin(annotation) is tuple
    return None, False


def _option(key: str, field: FieldInfo) -> Option:
    extra = field.json_schema_extra
    assert isinstance(extra, dict)
    example = str(extra["example"])
    default = None if field.is_required() or field.default is None else _toml(field.default)
    if example and not _is_toml(example):
        example = json.dumps(example)
    return Option(
        key,
        _kind(field.annotation),
        str(extra["unit"]),
        _bounds(field),
        default,
        field.is_required(),
        example,
        field.description or "",
    )


def _kind(annotation: Any) -> str:
    if annotation in _KINDS:
        return _KINDS[annotation]
    origin, arguments = get_origin(annotation), get_args(annotation)
    if hasattr(annotation, "__metadata__"):
        return _kind(arguments[0])
    if origin is Literal:
        return " or ".join(json.dumps(choice) for choice in arguments)
    if origin is tuple:
        return f"list of: {_kind(arguments[0])}"
    kinds = {getattr(kind, "__name__", "") for kind in arguments}
    if origin in (Union, UnionType):
        if NoneType in arguments:
            (one,) = (kind for kind in arguments if kind is not NoneType)
            return _kind(one)
        return "IP network" if "IPv4Network" in kinds else "IP address"
    return {"IPv4Network": "IPv4 network", "IPv6Network": "IPv6 network"}[annotation.__name__]


def _bounds(field: FieldInfo) -> str:
    least = most = None
    for bound in field.metadata:
        match bound:
            case Ge(ge=value):
                least = value
            case Le(le=value):
                most = value
            case MinLen(min_length=value):
                least = value
            case MaxLen(max_length=value):
                most = value
    if least is not None and most is not None:
        return f"{least} to {most}"
    if least is not None:
        return f"{least} or more"
    return f"up to {most}" if most is not None else ""


def _row(option: Option) -> str:
    value = ", ".join(filter(None, (option.kind, option.bounds and _counted(option))))
    default = "required" if option.required else f"`{option.default}`" if option.default else ""
    if option.example and option.default != option.example:
        example = f" For example `{option.example}`."
    else:
        example = ""
    return f"| `{option.key}` | {value} | {default} | {option.doc}{example} |"


def _counted(option: Option) -> str:
    unit = "entries" if option.kind.startswith("list") else option.unit
    return f"{option.bounds} {unit}".strip()


def _facts(option: Option) -> str:
    facts = []
    if option.bounds:
        facts.append(_counted(option))
    elif option.unit:
        facts.append(option.unit)
    if option.example and option.default and option.example != option.default:
        facts.append(f"default {option.default}")
    return f" ({'; '.join(facts)})" if facts else ""


def _comment(text: str) -> list[str]:
    return [f"# {line}" for line in textwrap.wrap(text, _COLUMNS)]


def _toml(value: object) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(_toml(item) for item in value)}]"
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    return json.dumps(str(value))


def _is_toml(example: str) -> bool:
    """Whether an example is written as TOML already, not as bare text."""
    plain = example in ("true", "false") or example.isdigit()
    return plain or example[0] == "[" or _DATE.fullmatch(example) is not None


if __name__ == "__main__":
    import sys

    sys.stdout.write(reference_page() if sys.argv[1:] == ["page"] else sample())
