"""The URL that names a server."""

from collections.abc import Iterator

from talpa.server.config.client import UrlError, parse_url


def check(data: bytes) -> None:
    """Any text names a server, or is a `UrlError` with a hint and without the password."""
    text = data[:4096].decode("utf-8", "replace")
    wrong: UrlError | None = None
    try:
        url = parse_url(text)
    except UrlError as error:
        wrong = error
    if wrong is not None:
        assert str(wrong)
        assert wrong.hint
        assert ":secret@" not in str(wrong)
        return
    assert url.host
    assert 1 <= url.port <= 65535


def seeds() -> Iterator[bytes]:
    """URLs of every kind."""
    yield b"l2tp://alice@vpn.example.com"
    yield b"l2tp://alice@[fd00::1]:1701"
    yield b"l2tp://BIG%5Calice@198.18.0.1:0"
    yield b"l2tp://alice:secret@vpn.example.com"
    yield b"l2tp+ipsec://vpn.example.com/path?query#fragment"
    yield b"l2tp://[v1.x]:99999999"
    yield "l2tp://\N{FULLWIDTH COLON}vpn\N{KELVIN SIGN}.example".encode()
