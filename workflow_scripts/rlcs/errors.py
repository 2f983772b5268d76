"""Errors that the user can fix."""

from __future__ import annotations


class InputError(ValueError):
    """Something that the user can mend; shown as one message, without a traceback."""
