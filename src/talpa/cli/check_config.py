"""`talpa check-config`: what is wrong with a configuration."""

import sys

from talpa.cli.errors import count_of, say
from talpa.cli.options import DEFAULT_CONFIG, ConfigOption


def check_config(config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Find every problem in a configuration.

    Nothing is started. Each problem names its file, line and key; if there are any, the exit
    status is 1.
    """
    from talpa.server.config.loader import load

    settings = load(config, on_warning=lambda warning: say(f"warning: {warning}"))
    listens = ", ".join(str(address) for address in settings.l2tp.listen)
    sys.stdout.write(
        f"{config}: good: {count_of(len(settings.users), 'user')}, "
        f"{count_of(len(settings.pools), 'pool')}, listens on {listens}\n"
    )
