"""A router with NAT, and the wire behind it."""

import sys

from interop.lab.net import Net

_FLUSH = "from pyroute2 import NFCTSocket\nwith NFCTSocket() as table: table.flush()"


class Nat(Net):
    """Behind it is a wire of its own, whose gateway it is; in front of it, another wire. All that
    comes from behind it goes out under its outer address."""

    def __init__(self, tag: str, address: str, outside: Net, outer: str) -> None:
        """`address` on the wire behind it, `outer` on the wire `outside`, with prefix lengths."""
        super().__init__(tag, address)
        self.outside = outside
        self.outer = outer

    @property
    def gateway(self) -> str:
        """What machines behind it send to."""
        return self.address.split("/")[0]

    def _set_up(self) -> None:
        super()._set_up()
        self.outside.plug(self, "wan", self.outer)
        self.run("sysctl -qw net.ipv4.ip_forward=1")
        self.run(
            "nft -f - <<END\n"
            "table ip nat {\n"
            " chain in { type nat hook prerouting priority dstnat; }\n"
            " chain out { type nat hook postrouting priority srcnat; }\n"
            "}\n"
            "END"
        )
        self.translate()

    def translate(self, ports: str | None = None, outer: str | None = None) -> None:
        """How what goes out is translated from now on, whatever was before: every binding is
        forgotten, as when a router starts anew. `ports`: a range, as "20000-29999", out of which
        one is drawn at random for each (None: the peer's own port where it is free). `outer`:
        another address than before, with prefix length."""
        if outer is not None:
            self.run(f"ip addr del {self.outer} dev wan && ip addr add {outer} dev wan")
            self.outer = outer
        udp = f"meta l4proto udp masquerade to :{ports} random\n" if ports else ""
        self.run(
            "nft -f - <<END\n"
            "flush chain ip nat out\n"
            "table ip nat {\n"
            f" chain out {{\n oifname wan {udp or 'masquerade'}\n oifname wan masquerade\n }}\n"
            "}\n"
            "END"
        )
        self.forget()

    def forget(self) -> None:
        """Forget every binding."""
        self.run(f"{sys.executable} -c '{_FLUSH}'")

    def forward(self, host: str, *ports: int) -> None:
        """What comes to these UDP ports of the outer address goes to `host` behind it."""
        listed = ", ".join(map(str, ports))
        self.run(f"nft add rule ip nat in iifname wan udp dport '{{ {listed} }}' dnat to {host}")
