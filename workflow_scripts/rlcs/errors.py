"""Errors that the user can fix."""


class InputError(ValueError):
    """An error that the user can fix: it is shown as one message, without a traceback."""
