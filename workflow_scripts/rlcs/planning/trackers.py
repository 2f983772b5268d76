"""The needs of a run's tracker on this machine: its package, and a key, a token or an address."""

from __future__ import annotations

import netrc
import os
import sys
from importlib.util import find_spec
from urllib.parse import urlsplit

from rlcs.stages.tracking import Tracker


def tracker_problem(tracker: Tracker) -> str | None:
    """Say why a run cannot report to its tracker from here; None if it can."""
    if tracker == "none":
        return None
    if tracker not in sys.modules and find_spec(tracker) is None:
        return f"{tracker} is not installed: pip install {tracker}, or set another tracker, or none"
    if tracker == "wandb" and not _has_wandb_key():
        return "W&B has no key: set WANDB_API_KEY, call wandb login, or set WANDB_MODE=offline"
    if tracker == "trackio" and os.environ.get("TRACKIO_SPACE_ID") and not _has_hub_token():
        return "TRACKIO_SPACE_ID names a space, and there is no token of the hub: set HF_TOKEN"
    if tracker == "mlflow" and not os.environ.get("MLFLOW_TRACKING_URI"):
        return (
            "MLflow has no address: set MLFLOW_TRACKING_URI, such as https://mlflow.example.org or "
            "sqlite:///mlflow.db"
        )
    return None


def _has_hub_token() -> bool:
    from huggingface_hub import get_token  # here: other trackers do without

    return get_token() is not None


def _has_wandb_key() -> bool:
    """True if W&B needs no key, or has one in the environment or, by ``wandb login``, in a netrc file."""
    if os.environ.get("WANDB_API_KEY") or os.environ.get("WANDB_MODE") in ("offline", "dryrun", "disabled"):
        return True
    host = urlsplit(os.environ.get("WANDB_BASE_URL", "https://api.wandb.ai")).hostname or ""
    try:
        return netrc.netrc(os.environ.get("NETRC")).authenticators(host) is not None
    except (OSError, netrc.NetrcParseError):
        return False
