"""What the host refused, said to a person."""


class HostError(Exception):
    """A change to the host that could not be made or undone: what, why, what to do next."""
