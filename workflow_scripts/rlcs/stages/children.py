"""Programs that a job starts and that end with it."""

from __future__ import annotations

import ctypes
import signal
import socket

_PR_SET_PDEATHSIG = 1  # prctl(2): the signal that a child gets when its parent dies, even by SIGKILL
_libc = ctypes.CDLL(None)


def die_with_parent() -> None:
    """For ``preexec_fn``: SIGTERM comes when the parent dies."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def free_port(address: str = "127.0.0.1") -> int:
    """A port of this machine on which nobody listens; an empty address means all of the machine's."""
    with socket.socket() as listening:
        listening.bind((address, 0))
        return int(listening.getsockname()[1])
