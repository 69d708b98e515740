"""The lab: real, unmodified peers on a real Linux kernel of their own.

A guest is a User-Mode Linux kernel: an ordinary process that needs no KVM, has PPP and L2TP as
modules and boots in about two seconds, its network card a tap in a namespace of ours.
"""

from interop.lab.guest import Guest, Job
from interop.lab.image import Image, image_folder
from interop.lab.nat import Nat
from interop.lab.net import Host, Namespace, Net
from interop.lab.processes import CommandFailed, run, stop

__all__ = [
    "CommandFailed",
    "Guest",
    "Host",
    "Image",
    "Job",
    "Namespace",
    "Nat",
    "Net",
    "image_folder",
    "run",
    "stop",
]
