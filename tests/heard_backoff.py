"""A backoff that says after how many failures it was asked for a pause, and gives none."""

from pipeline.core.backoff import Backoff


class HeardBackoff(Backoff):
    """See above: `asked`, in its order."""

    asked: list[int]

    @classmethod
    def begun(cls) -> "HeardBackoff":
        """One that nobody asked yet."""
        heard = cls(0.0, 0.0)
        heard.asked = []
        return heard

    def delay_s(self, failures: int, draw: float) -> float:
        """No pause."""
        self.asked.append(failures)
        return 0.0
