"""The first replies of a judge: if most cannot be read, all others would cost as much and say as little."""

from __future__ import annotations

from collections.abc import Sequence

from rlcs.errors import InputError
from rlcs.judging.backends import Reply

TRIAL = 16
"""Number of questions that an endpoint is asked before all others."""

FEWEST = 8
"""Number of replies that a share is of (design choice): of fewer it is a matter of luck."""

SHOWN = 1000
"""Number of characters of a reply in the message; its end has the verdict."""


class FirstReplies:
    """A check of a judge's first replies, which closes as soon as ``FEWEST`` have come.

    Args:
        name: name of the judge.
        expected: what a reply must hold, for the message.
        max_share: largest share of them that may be unread.
    """

    def __init__(self, name: str, expected: str, max_share: float) -> None:
        self.name = name
        self.expected = expected
        self.max_share = max_share
        self.is_open = True
        self._unread: list[bool] = []

    def check(self, replies: Sequence[Reply], unread: Sequence[bool]) -> None:
        """Count replies.

        Args:
            unread: of each reply, whether it cannot be read.

        Raises:
            InputError: at least ``FEWEST`` replies have come, and more than ``max_share`` are unread.
        """
        self._unread += unread
        if len(self._unread) < FEWEST:
            return
        self.is_open = False
        failed = sum(self._unread)
        if failed <= self.max_share * len(self._unread):
            return
        whole = [reply for reply, bad in zip(replies, unread, strict=True) if bad and not reply.truncated]
        truncated = sum(reply.truncated for reply in replies)
        shown = f"One of them ends so: {whole[0].text[-SHOWN:]!r}. " if whole else ""
        entry = f"judges.{self.name}"
        raise InputError(
            f"{failed} of the first {len(self._unread)} answers of judge {self.name!r} cannot be read, more "
            f"than {entry}.max_unread_share = {self.max_share:.0%}; the token limit ended {truncated} of "
            f"{len(replies)}. {shown}Expected: {self.expected}. Set {entry}.answer to the format that it "
            f"writes, ask for the expected one in {entry}.template, or give it more tokens"
        )
