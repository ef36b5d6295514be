"""moto's server as a process: ``python -m tests.support.moto_server --parent-pid N``, on a free port of 127.0.0.1.

Prints the line that tests/support/localaws.py waits for. moto keeps its state without locks, and its server answers
each connection in a thread: between the check and the write of a conditional request another one could come. On AWS
such a request is atomic, so requests are answered one after the other here.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Iterable
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

_PARENT_SECONDS = 1.0


class OneByOne:
    """A WSGI application that is never called twice at once."""

    def __init__(self, application: Any) -> None:
        self._application = application
        self._lock = threading.Lock()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        # The body is read first: it comes as fast as the client sends it.
        with self._lock:
            answer: Iterable[bytes] = self._application(environ, start_response)
            return answer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--parent-pid", type=int, required=True, help="stop when the process with this id is gone")
    # As the local AWS is started; the state is in memory.
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--state")
    options = parser.parse_args()
    # Of requests only what went wrong, with the traceback.
    logging.basicConfig(level=logging.WARNING)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    application = OneByOne(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", options.port, application, threaded=True, request_handler=MotoRequestHandler)
    threading.Thread(target=_end_with, args=(options.parent_pid,), daemon=True).start()
    print(f"localaws ready http://127.0.0.1:{server.port}", flush=True)
    server.serve_forever()


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_PARENT_SECONDS)
    os._exit(0)


if __name__ == "__main__":
    main()
