"""Child processes that end with the job that started them."""

import ctypes
import signal
import socket

_PR_SET_PDEATHSIG = 1  # prctl(2): the signal that a child gets when its parent dies, even by SIGKILL
_libc = ctypes.CDLL(None)


def die_with_parent() -> None:
    """Ask the kernel for SIGTERM when the parent dies; to be called as ``preexec_fn``."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def free_port(address: str = "127.0.0.1") -> int:
    """A free port of this machine; an empty address means all addresses of the machine."""
    with socket.socket() as listening:
        listening.bind((address, 0))
        return int(listening.getsockname()[1])
