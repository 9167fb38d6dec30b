"""The process that `tests.forked` forks from: it imports all that the command may need, then waits for requests.

    request    one message {"arguments": [...], "env": {...}} with four descriptors: stdin, stdout, stderr, end
    reply      the process id
    end        when that process ends, its wait status as text is written there and the descriptor closed

It runs no thread and opens nothing, so that a forked process is as one that has just imported these modules.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import sys
import threading
import traceback
from typing import NoReturn

from ingest.embedding.runtime import import_openvino
from ingest.pii import open_detector

PRELOADED = (
    *("app.api.http_protocol", "app.api.mcp.server", "app.asgi", "app.commands.ask", "app.commands.ingest"),
    *("app.commands.serve", "app.engine", "app.execution.executors", "app.llm.opening", "app.llm.strict_detection"),
    *("app.ops.announcing", "app.ops.sessions", "app.ops.windows", "app.planning.held", "app.verified.held"),
    *(
        "app.verbalising.charts.rendering",
        "duckdb",
        "faiss",
        "ingest.stores.tables",
        "jwt",
        "limits.strategies",
        "openai",
    ),
    *("redis", "tantivy", "tokenizers"),
)


def import_all() -> None:
    """Import what the command may need, as the command does: without telemetry and torch; and load the names' model."""
    for name in PRELOADED:
        importlib.import_module(name)
    import_openvino()
    open_detector().detect(["Ada Lovelace asks from London."])
    assert "torch" not in sys.modules and threading.active_count() == 1
    gc.collect()
    gc.freeze()


def main(requests: socket.socket) -> None:
    """Fork for each request until the other side closes."""
    ended, wake = os.pipe()
    os.set_blocking(ended, False)
    os.set_blocking(wake, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake)
    ends: dict[int, int] = {}
    while True:
        ready, _, _ = select.select([requests, ended], [], [])
        if ended in ready:
            os.read(ended, 4096)
            tell_of_ended(ends)
        if requests in ready:
            message, given, _, _ = socket.recv_fds(requests, 1 << 20, 4)
            if not message:
                return
            process = os.fork()
            if process == 0:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                requests.close()
                for descriptor in (ended, wake, given[3], *ends.values()):
                    os.close(descriptor)
                run(json.loads(message), given[:3])
            ends[process] = given[3]
            for descriptor in given[:3]:
                os.close(descriptor)
            requests.send(str(process).encode())


def tell_of_ended(ends: dict[int, int]) -> None:
    """Write the status of every process that has ended to whoever started it."""
    while ends:
        process, status = os.waitpid(-1, os.WNOHANG)
        if process == 0:
            return
        os.write(ends[process], str(status).encode())
        os.close(ends.pop(process))


def run(request: dict[str, object], streams: list[int]) -> NoReturn:
    """Be the command: its environment, arguments and streams; end as the interpreter would."""
    for number, descriptor in enumerate(streams):
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.environ.clear()
    os.environ.update(request["env"])
    sys.argv = ["answerable", *request["arguments"]]
    code: object = 0
    try:
        runpy.run_module("app.cli", run_name="__main__", alter_sys=False)
    except SystemExit as exit_:
        code = exit_.code
    except BaseException:  # as the interpreter tells of it
        traceback.print_exc()
        code = 1
    if code is not None and not isinstance(code, int):
        print(code, file=sys.stderr)
        code = 1
    threading._shutdown()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit((code or 0) & 0xFF)


if __name__ == "__main__":
    import_all()
    main(socket.socket(fileno=int(sys.argv[1])))
    os._exit(0)
