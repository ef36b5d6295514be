"""Ports of 127.0.0.1 for servers that are yet to be started, and whose server it is that answers there."""

from __future__ import annotations

import contextlib
import errno
import socket
import sys
from collections.abc import Iterator

import psutil

from scripts.processes import ManagedProcess, StackError

HOST = "127.0.0.1"


class PortError(StackError):
    """A port cannot be had; the text says which and why."""


@contextlib.contextmanager
def reserved(wanted: int | None = None, *, preferred: int | None = None) -> Iterator[int]:
    """The wanted port, which has to be free (raises PortError), or the preferred one if it is, or any free one; nobody
    else is given it while its server starts.

    The socket is bound and does not listen, and lets those bind who say SO_REUSEADDR, as servers do. Where that is not
    so (not on Linux), it is given up at once. Two that want one port at the same time could both bind it in this way,
    so a named port is claimed first.
    """
    with contextlib.ExitStack() as stack:
        for port in filter(None, (wanted, preferred)):
            holder = stack.enter_context(socket.socket())
            holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if _claimed(port, stack) and _bound(holder, port):
                break
        else:
            if wanted is not None:
                raise PortError(f"port {wanted} of {HOST} is taken; choose another one")
            holder = stack.enter_context(socket.socket())
            holder.bind((HOST, 0))
            holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        port = int(holder.getsockname()[1])
        if sys.platform != "linux":
            holder.close()
        yield port


def check_listener(process: ManagedProcess, port: int) -> None:
    """Raise PortError unless it is this process, or one that it started, that listens on a port."""
    for member in process.members():
        with contextlib.suppress(psutil.Error):
            for connection in member.net_connections("tcp"):
                if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port:
                    return
    raise PortError(f"port {port} of {HOST} is answered by another process than the {process.name} started here")


def _claimed(port: int, stack: contextlib.ExitStack) -> bool:
    """Claim the port among those who come by this function; False when somebody else has.

    By an abstract socket (unix(7)), which is the kernel's, and gone with its process; only Linux has them.
    """
    if sys.platform != "linux":
        return True
    claim = stack.enter_context(socket.socket(socket.AF_UNIX))
    try:
        claim.bind(f"\0lakelanes-port-{port}")
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        return False
    return True


def _bound(holder: socket.socket, port: int) -> bool:
    try:
        holder.bind((HOST, port))
    except OSError:
        return False
    return True
