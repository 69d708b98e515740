"""Packets for people: dissection and ladder diagrams, from the protocols' declarations."""

from talpa.explain.dissection import Dissection, Field, Layer
from talpa.explain.l2tp import dissect_l2tp
from talpa.explain.ladder import Ladder, Rung
from talpa.explain.ppp import dissect_frame

__all__ = ["Dissection", "Field", "Ladder", "Layer", "Rung", "dissect_frame", "dissect_l2tp"]
