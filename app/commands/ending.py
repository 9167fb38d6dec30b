"""How a command ends whose background threads may still be at work."""

from __future__ import annotations

import logging
import os
import sys
from typing import NoReturn


def end_process(code: int = 0) -> NoReturn:
    """End the process at once, when all that is to be kept is closed.

    The interpreter would otherwise be taken down piece by piece (a second for all that is imported) beneath threads
    that nobody waits for any more: one that is in native code then, as the search for names or an answer that was
    stopped may be, aborts the process.
    """
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
