"""`talpa serve`: the server."""

from pathlib import Path

import typer

from talpa.cli.errors import CliError
from talpa.cli.options import DEFAULT_CONFIG, ConfigOption


def serve(config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Answer L2TP calls until told to stop.

    SIGTERM and Ctrl-C say goodbye to every client; SIGHUP reads the configuration again.

    Exit status: 0 when told to stop; 1 when the configuration or this machine does not allow it to
    start; 2 for wrong arguments.
    """
    raise typer.Exit(_serve(config))


def _serve(config: Path) -> int:
    from talpa.server.failures import sentence
    from talpa.server.host import HostError
    from talpa.server.process import serve as run

    try:
        return run(config)
    except PermissionError as error:
        raise CliError(f"the server cannot start: {sentence(error)}", "run it as root") from None
    except OSError as error:
        raise CliError(f"the server cannot start: {sentence(error)}") from None
    except HostError as error:
        raise CliError(f"the server cannot start: {error}") from None
