"""`talpa serve`: the server."""

from pathlib import Path

import typer

from talpa.cli.errors import CliError
from talpa.cli.options import DEFAULT_CONFIG, ConfigOption


def serve(config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Answer L2TP calls until told to stop.

    SIGTERM and Ctrl-C say goodbye to every client; SIGHUP reads the configuration again.
    """
    raise typer.Exit(_serve(config))


def _serve(config: Path) -> int:
    from talpa.server.host import HostError
    from talpa.server.process import serve as run

    try:
        return run(config)
    except PermissionError as error:
        raise CliError(f"the server cannot start: {error}", "run it as root") from None
    except (OSError, HostError) as error:
        raise CliError(f"the server cannot start: {error}") from None
