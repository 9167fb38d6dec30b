"""A large CSV is streamed: memory stays far below the file's size."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

LARGE_BYTES = 300 << 20
MOST_RESIDENT_BYTES = 400 << 20
_READ = """
import re, sys
from pathlib import Path
from connectors.registry import open_connector
rows = sum(item.rows.num_rows for item in open_connector(sys.argv[1]).read({}))
peak = re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())
print(rows, int(peak.group(1)) * 1024)
"""


def write_large_csv(path: Path, size: int) -> int:
    """Write about `size` bytes of orders; returns the number of rows."""
    with path.open("w") as stream:
        stream.write("id,customer,day,total,country,note\n")
        number = 0
        while stream.tell() < size:
            lines = (
                f'{row},"Customer {row % 997}, Inc",2024-01-{row % 28 + 1:02},{row * 1.37:.2f},DE,number {row % 77}\n'
                for row in range(number, number + 10_000)
            )
            stream.write("".join(lines))
            number += 10_000
    return number


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads Linux's own measure of memory")
def test_memory_is_bounded(tmp_path: Path) -> None:
    rows = write_large_csv(tmp_path / "orders.csv", LARGE_BYTES)
    done = subprocess.run(
        [sys.executable, "-c", _READ, str(tmp_path / "orders.csv")], capture_output=True, text=True, check=True
    )
    counted, resident = map(int, done.stdout.split())
    assert counted == rows
    assert resident < MOST_RESIDENT_BYTES
