"""GPUs of this machine, found without the libraries that would take seconds to ask it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

# Of NVIDIA's driver, AMD's, and that of Windows' Linux.
_DEVICES = ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg")


def may_have_gpu() -> bool:
    """False if this machine surely has no GPU that torch could use: Linux without the device of a driver."""
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES", "0").strip() in ("", "-1")
    return not hidden and (sys.platform != "linux" or any(Path(device).exists() for device in _DEVICES))
