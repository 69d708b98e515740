"""Makes what is missing of the guests' image: a minute or two, as root."""

import os
import sys

from interop.lab.image import Image
from interop.lab.processes import CommandFailed

if os.geteuid() != 0:
    raise SystemExit("The guest image is made as root: it holds device nodes.")
try:
    Image().build(lambda line: print(line, file=sys.stderr, flush=True))
except CommandFailed as failure:
    raise SystemExit(f"The guest image could not be made: {failure}") from None
