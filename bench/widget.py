"""Size of the support widget: what a reader's browser loads, beside the limit of 20 kB.

python -m bench.widget
"""

from __future__ import annotations

import gzip
import json
import shutil
import subprocess
from pathlib import Path

WIDGET = Path(__file__).resolve().parents[1] / "app" / "web" / "widget.js"
LIMIT_BYTES = 20_000


def brotli_bytes(content: bytes) -> int | None:
    """Size under brotli at its best; None where its command is not installed."""
    command = shutil.which("brotli")
    if command is None:
        return None
    return len(subprocess.run([command, "-q", "11", "-c"], input=content, capture_output=True, check=True).stdout)


def main() -> None:
    """Print the sizes in bytes, and the compressed size as a share of the limit."""
    content = WIDGET.read_bytes()
    zipped = len(gzip.compress(content, 9, mtime=0))
    print(
        json.dumps(
            {
                "raw bytes": len(content),
                "gzip bytes": zipped,
                "brotli bytes": brotli_bytes(content),
                "gzip share of the limit": round(zipped / LIMIT_BYTES, 3),
            }
        )
    )


if __name__ == "__main__":
    main()
