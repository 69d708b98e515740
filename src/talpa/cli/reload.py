"""`talpa reload`: have the configuration read again."""

import sys

from talpa.api.client import ApiClient
from talpa.cli.options import DEFAULT_SOCKET, SocketOption
from talpa.wire import printable


def reload(socket: SocketOption = DEFAULT_SOCKET) -> None:
    """Have the configuration read again.

    Sessions go on. A configuration with problems is refused, and the old one stays. SIGHUP does the
    same.
    """
    sys.stdout.write(f"{printable(ApiClient(socket).reload())}\n")
