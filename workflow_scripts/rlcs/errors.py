"""Errors that the user can fix."""

from __future__ import annotations


class InputError(ValueError):
    """An error that the user can fix; shown as one message, without a traceback."""
