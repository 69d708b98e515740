"""What all conversations of EAP-TLS share as responder: how TLS is set up, and how many there may
be at once of peers that have not proved themselves."""

from talpa.eap.tls_settings import TlsSettings
from talpa.ike.config import Config

MOST_UNFINISHED = 256
"""Each holds a TLS connection, about 100 KiB."""


class EapTls:
    """Of one endpoint."""

    __slots__ = ("_config", "_settings", "_unfinished")

    def __init__(self) -> None:
        self._config: Config | None = None
        self._settings: TlsSettings | None = None
        self._unfinished: set[bytes] = set()
        """IKE SAs, by our SPI."""

    def settings(self, config: Config) -> TlsSettings | None:
        """Of this configuration, made once; None: it has no certificate, or trusts no CA."""
        if config is not self._config:
            self._config, self._settings = config, None
            if config.credential is not None and config.trust is not None:
                self._settings = TlsSettings(config.credential, config.trust, config.wall)
        return self._settings

    def may_go_on(self, spi: bytes) -> bool:
        """Whether an IKE SA is among those that are in TLS, or there is room for one more."""
        if spi not in self._unfinished and len(self._unfinished) >= MOST_UNFINISHED:
            return False
        self._unfinished.add(spi)
        return True

    def over(self, spi: bytes) -> None:
        """It is in TLS no more, if ever it was."""
        self._unfinished.discard(spi)
