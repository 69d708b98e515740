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
    parts = [count_of(len(settings.users), "user"), count_of(len(settings.pools), "pool")]
    ipsec = settings.ipsec
    if ipsec.connections:
        parts.append(count_of(len(ipsec.connections), "link"))
    if ipsec.active():
        listens = ", ".join(str(address) for address in (*ipsec.listen, *ipsec.listen_nat))
        parts.append(f"IPsec on {listens} ({ipsec.policy})")
    if not ipsec.require:
        listens = ", ".join(str(address) for address in settings.l2tp.listen)
        parts.append(f"L2TP in the clear on {listens}")
    sys.stdout.write(f"{config}: good: {', '.join(parts)}\n")
