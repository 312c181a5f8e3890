"""What happens to a worker, for the tests of its meters and of all that shows them."""

from collections import Counter

from pipeline.core.decode import Outcome
from pipeline.journey import BatchReport
from pipeline.meters import Meters
from pipeline.wires.source import SourceState, SourceStatus
from schemas.command import CommandResponse, CommandSent
from schemas.observation import Observation, Product
from schemas.reject import Reject, RejectReason
from schemas.surprise import Surprise

S = 1_000_000_000
MS = 1_000_000
NOW = 1_700_000_000 * S
CONSUMING = SourceStatus(SourceState.CONSUMING, "", 7, 1, 40, 15_000, connections=2, handed_back=3)


def observation(
    observed_at: int = NOW - 2 * S,
    arrived_at: int | None = NOW - S,
    received_at: int | None = NOW,
    number: int = 48,
    product: Product = Product.CHARGER,
) -> Observation:
    return Observation("EH1", product, number, None, 1.0, 0, observed_at, arrived_at, received_at)


def response(arrived_at: int | None, received_at: int | None) -> CommandResponse:
    return CommandResponse("EH1", 48, True, None, NOW - 60 * S, None, arrived_at, None, None, received_at)


def copy_of_a_command() -> CommandSent:
    return CommandSent("EH1", 48, (), None, NOW, "0" * 32, NOW)


def refused() -> Reject:
    return Reject(RejectReason.JSON, "EH1.O.48", {}, b"{", NOW, "no JSON")


def report_of(*outcomes: Outcome) -> BatchReport:
    """The report of a batch that became this, with nothing surprising about it."""
    rejected = Counter(outcome.reason for outcome in outcomes if isinstance(outcome, Reject))
    commands = sum(isinstance(outcome, CommandSent) for outcome in outcomes)
    written = len(outcomes) - commands - rejected.total()
    return BatchReport(len(outcomes), written, commands, rejected, Counter(), outcomes)


def busy_meters() -> Meters:
    """Of a worker to which a little of everything happened, its last batch durable at NOW."""
    meters = Meters()
    meters.look(CONSUMING)
    report = report_of(observation(), observation(), copy_of_a_command(), refused())
    report = report._replace(
        surprises=Counter({Surprise.COERCED: 2, Surprise.MISFIT: 4, Surprise.UNKNOWN_ID: 1}), dropped=5
    )
    meters.requests(3)
    meters.rejects_kept(2_048, 1 << 30)
    meters.batch_taken(report, redelivered=1, store_ns=123 * MS, stored_at=NOW)
    return meters
