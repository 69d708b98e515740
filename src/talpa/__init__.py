"""Talpa: an L2TP and PPP access system in one program."""

__version__ = "0.1.0"
