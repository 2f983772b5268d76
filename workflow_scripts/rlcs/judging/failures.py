"""The limit on answers that fail, as a share of the recent ones."""

from collections.abc import Sequence

WINDOW = 100
"""Number of answers that a share is of. Design choice: a share of a few answers is a matter of luck."""


class FailureLimit:
    """Failures among the last ``WINDOW`` answers, or in a batch of more answers than that.

    As long as there are fewer answers, ``share * WINDOW`` of them may fail all the same. A resumed training
    counts anew.

    Args:
        share: largest share that may fail.
        key: the config key of the share, for the message.
    """

    def __init__(self, share: float, key: str) -> None:
        self.share = share
        self.key = key
        self.recent: list[bool] = []

    def add(self, failed: Sequence[bool]) -> None:
        """Count the answers of a batch that has ended."""
        self.recent = [*self.recent, *failed][-WINDOW:]

    def problem(self, what: str, failed: int, asked: int) -> str | None:
        """Describe the failures if they are too many; None if they are not.

        Args:
            what: what failed, for the message, such as "judgements of 'genrm' failed".
            failed, asked: answers of a batch that is not counted yet.
        """
        before = self.recent[asked - WINDOW :] if asked < WINDOW else []
        failures, size = sum(before) + failed, max(asked, WINDOW)
        if failures <= self.share * size:
            return None
        last = len(before) + asked
        return f"{failures} of the last {last} {what}, more than {self.key} = {self.share:.0%} of {size}"
