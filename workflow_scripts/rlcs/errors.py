"""Errors that the user can fix."""


class InputError(ValueError):
    """An error that the user can fix: it is shown as one message, without a traceback."""


class TransientError(InputError):
    """An error that may be gone at the next attempt: of a server, an endpoint or a cluster."""
