"""Child processes that end with the job that started them, and the way to those that serve."""

import ctypes
import os
import signal
import socket

# What accelerate and torchrun tell a training process of its place among the others.
_LAUNCHER = (
    *("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "NODE_RANK", "MASTER_ADDR", "MASTER_PORT"),
    *("GROUP_RANK", "GROUP_WORLD_SIZE", "ROLE_RANK", "ROLE_WORLD_SIZE", "ROLE_NAME"),
)
_LAUNCHER_PREFIXES = ("TORCHELASTIC_", "TORCH_ELASTIC_", "ACCELERATE_", "FSDP_")

_PR_SET_PDEATHSIG = 1  # prctl(2): the signal that a child gets when its parent dies, even by SIGKILL
_libc = ctypes.CDLL(None)


def die_with_parent() -> None:
    """Ask the kernel for SIGTERM when the parent dies; to be called as ``preexec_fn``."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def clean_environment() -> dict[str, str]:
    """This process's environment without its place in a launched training.

    A child that runs processes of its own, as vLLM does, would take that place and wait for the others.
    """
    return {
        name: value
        for name, value in os.environ.items()
        if name not in _LAUNCHER and not name.startswith(_LAUNCHER_PREFIXES)
    }


def reach_directly(host: str) -> None:
    """Exempt a host of ours from the environment's proxies, for this process and its children.

    Many clusters name a proxy (``http_proxy``) that has no way to a node's own addresses.
    """
    names = ("no_proxy", "NO_PROXY")  # libraries differ in which they read
    exempt = [name for variable in names for name in os.environ.get(variable, "").split(",") if name]
    if "*" not in exempt:  # it exempts all hosts, and only if it stands alone
        os.environ |= dict.fromkeys(names, ",".join(dict.fromkeys([*exempt, host])))


def free_port(address: str = "127.0.0.1") -> int:
    """A free port of this machine; an empty address means all addresses of the machine."""
    with socket.socket() as listening:
        listening.bind((address, 0))
        return int(listening.getsockname()[1])
