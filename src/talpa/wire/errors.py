"""The one exception of the parsers."""


class Malformed(Exception):
    """Input breaks its format.

    Parsers raise it, cores catch it: it never leaves a core. `reason` is a short constant phrase
    fit for a drop counter ("AVP length below 6"); `detail` says more for a person.
    """

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.detail = detail
