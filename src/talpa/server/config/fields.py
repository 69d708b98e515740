"""Kinds of value that the configuration file knows, each with errors in a person's words.

A TOML string becomes the value that the program works with. Messages never repeat a secret.
"""

import re
from collections.abc import Callable
from datetime import date
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BeforeValidator, GetPydanticSchema
from pydantic_core import PydanticCustomError, core_schema

from talpa.sansio import Address
from talpa.wire import Secret

T = TypeVar("T")


def fault(what: str, hint: str = "") -> PydanticCustomError:
    """An error of a value: what is wrong with it, and what to do."""
    return PydanticCustomError("talpa", "{what}", {"what": what, "hint": hint})


def _reader(convert: Callable[[str], T], what: str, example: str) -> Callable[[object], T]:
    """A validator that takes a string and turns it into a `T`."""

    def read(value: object) -> T:
        if not isinstance(value, str):
            raise fault(f"must be {what} in quotes", f'such as "{example}"')
        try:
            return convert(value)
        except PydanticCustomError:
            raise
        except ValueError:
            raise fault(f'"{value}" is not {what}', f'write it as "{example}"') from None

    return read


def _plain(read: Callable[[Any], T], show: Callable[[T], object] = str) -> GetPydanticSchema:
    """The schema of a value that `read` makes; values already made pass unchanged."""
    return GetPydanticSchema(
        lambda source, _handler: core_schema.no_info_plain_validator_function(
            lambda value: value if _is_a(value, source) else read(value),
            serialization=core_schema.plain_serializer_function_ser_schema(show),
        )
    )


def _is_a(value: object, source: Any) -> bool:
    try:
        return isinstance(value, source)
    except TypeError:
        return False


def _network(value: str) -> IPv4Network | IPv6Network:
    network = ip_network(value, strict=False)
    if ip_address(value.partition("/")[0]) != network.network_address:
        raise fault(f'"{value}" has bits set behind its prefix length', f'write "{network}"')
    return network


def _network4(value: str) -> IPv4Network:
    network = _network(value)
    if not isinstance(network, IPv4Network):
        raise fault(f'"{value}" is an IPv6 network, not an IPv4 one', "put it under ipv6")
    return network


def _network6(value: str) -> IPv6Network:
    network = _network(value)
    if not isinstance(network, IPv6Network):
        raise fault(f'"{value}" is an IPv4 network, not an IPv6 one', "put it under ipv4")
    return network


def parse_listen(value: str) -> Address:
    """The address in "host:port" or "[host]:port". Raises `ValueError`."""
    host, colon, port = value.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    address = ip_address(host[1:-1] if bracketed else host)
    if not colon or bracketed != (address.version == 6) or not re.fullmatch("[0-9]{1,5}", port):
        raise ValueError(value)
    if not 0 <= int(port) <= 0xFFFF:
        raise fault(f"port {port} does not exist", "ports go from 1 to 65535")
    return Address(str(address), int(port))


def _secret(value: object) -> Secret:
    if not isinstance(value, str):
        raise fault("must be text in quotes", "numbers need them too")
    if not value:
        raise fault("is empty", "give it a value, or leave the line out if it is optional")
    return Secret(value)


def _file_path(value: str) -> Path:
    path = Path(value)
    if not path.is_absolute():
        raise fault(f'"{value}" is not an absolute path', 'start it with "/"')
    return path


def _device_name(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_.-]{1,15}", value) or value in (".", ".."):
        raise fault(
            f'"{value}" cannot name a network device',
            "use 1 to 15 letters, digits, '-', '_' or '.'",
        )
    return value


def _domain(value: str) -> str:
    labels = value.rstrip(".").split(".")
    if len(value) > 253 or not all(re.fullmatch(r"[A-Za-z0-9_-]{1,63}", x) for x in labels):
        raise fault(f'"{value}" is not a domain name', 'write it as "example.com"')
    return value.rstrip(".").lower()


def _host(value: str) -> str:
    try:
        return str(ip_address(value))
    except ValueError:
        pass
    if re.fullmatch(r"[0-9.]*", value):  # no name consists of digits alone
        raise fault(f'"{value}" is not an IP address', 'write it as "198.18.0.1"')
    return _domain(value)


def _day(value: object) -> date:
    if type(value) is not date:  # a `datetime` is a `date` too
        raise fault("must be a date", "write it as 2027-12-31, without quotes")
    return value


def _name(value: str) -> str:
    if not value.strip() or value != value.strip() or not value.isprintable():
        raise fault("must not be empty, begin or end with a space, or hold control characters")
    if len(value.encode()) > 255:
        raise fault("is longer than 255 octets")
    return value


def _list(value: object) -> object:
    if not isinstance(value, list | tuple):
        raise fault("must be a list", 'write it as ["...", "..."], with one entry too')
    return tuple(value)


Ipv4 = Annotated[IPv4Address, _plain(_reader(IPv4Address, "an IPv4 address", "10.77.0.1"))]
Ip = Annotated[IPv4Address | IPv6Address, _plain(_reader(ip_address, "an IP address", "10.77.0.1"))]
Network4 = Annotated[IPv4Network, _plain(_reader(_network4, "an IPv4 network", "10.77.0.0/24"))]
Network6 = Annotated[IPv6Network, _plain(_reader(_network6, "an IPv6 network", "fd77::/56"))]
Network = Annotated[
    IPv4Network | IPv6Network, _plain(_reader(_network, "an IP network", "10.0.0.0/8"))
]
Listen = Annotated[
    Address, _plain(_reader(parse_listen, "a numeric address with a port", "0.0.0.0:1701"))
]
SecretText = Annotated[Secret, _plain(_secret, repr)]
FilePath = Annotated[Path, _plain(_reader(_file_path, "a path", "/var/lib/talpa"))]
Name = Annotated[str, AfterValidator(_name)]
Domain = Annotated[str, AfterValidator(_domain)]
Host = Annotated[str, AfterValidator(_host)]
"""A name or an address."""
Day = BeforeValidator(_day)
"""In front of a date."""
DeviceName = Annotated[str, AfterValidator(_device_name)]
Many = BeforeValidator(_list)
"""In front of a tuple: takes a TOML list."""
