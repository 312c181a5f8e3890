"""Refusal: how a reader inside the core says that a delivery cannot become a record.

Owns the one exception that never leaves the core: `decode` turns it into a Reject.
"""

from schemas.reject import RejectReason


class RefusedError(Exception):
    """This delivery is refused. `detail` says in words what was wrong, without values from the body."""

    def __init__(self, reason: RejectReason, detail: str) -> None:
        """Name one reason of the closed set, and the culprit."""
        self.reason = reason
        self.detail = detail
        super().__init__(f"{reason}: {detail}")
