"""Packets for people: dissection and ladder diagrams, from the protocols' declarations."""

from talpa.explain.dissection import Dissection, Field, Layer
from talpa.explain.esp import dissect_esp, dissect_natt
from talpa.explain.ike import dissect_ike
from talpa.explain.ike_keys import SecurityKeys
from talpa.explain.l2tp import dissect_l2tp
from talpa.explain.ladder import Ladder, Rung
from talpa.explain.ppp import dissect_frame

__all__ = [
    "Dissection",
    "Field",
    "Ladder",
    "Layer",
    "Rung",
    "SecurityKeys",
    "dissect_esp",
    "dissect_frame",
    "dissect_ike",
    "dissect_l2tp",
    "dissect_natt",
]
