"""Explain: what one message becomes, step by step, each with its reason.

Owns the wording and the order of the steps. It decodes with the core and tells what the core answered; where a
reason needs arithmetic, the core's own function is asked for each part. No rule is written a second time here.
Must not know how an explanation is shown (`pipeline.cli.explain`), and never holds a value that is redacted.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple

from pipeline.core.body import Json, read_object, unwrap
from pipeline.core.coercion import compact_json
from pipeline.core.decode import Decoder
from pipeline.core.line_protocol import to_line
from pipeline.core.members import Members
from pipeline.core.redaction import Personal
from pipeline.core.refusal import RefusedError
from pipeline.core.routing_key import Kind, RoutingKey, RoutingKeyReader
from pipeline.core.rows import RowMaker
from pipeline.core.timestamps import format_time
from pipeline.explain_observation import ObservationSteps, product_by_serial
from pipeline.explain_step import Step, in_short
from schemas.catalogue import Catalogue, CommandSpec
from schemas.command import CommandResponse, CommandSent
from schemas.delivery import Delivery
from schemas.observation import Observation, Product
from schemas.reject import MEANING, Reject, RejectReason
from schemas.row import Row
from schemas.surprise import Surprise


class Verdict(StrEnum):
    """How an explanation ends."""

    ROW = "row"
    COMMAND = "command"
    REJECTED = "rejected"
    KEY = "key"
    """There was no body: only the routing key was explained."""


class Refusal(NamedTuple):
    """Why a message is rejected, and what to do. `key` names it in the rejects, None where only a key was given."""

    reason: RejectReason
    meaning: str
    detail: str
    next_step: str
    key: str | None


class Explanation(NamedTuple):
    """What a message becomes. `row` and `line` (line protocol) with verdict `row`, `refusal` with `rejected`."""

    routing_key: str
    verdict: Verdict
    steps: Sequence[Step]
    surprises: Sequence[Surprise] = ()
    row: Row | None = None
    line: str | None = None
    refusal: Refusal | None = None


NEXT_STEP: Mapping[RejectReason, str] = {
    RejectReason.ROUTING_KEY: "give the key as it was on the wire, such as EH000281.O.48",
    RejectReason.KIND: "nothing to do: messages of this kind are kept as rejects, and discarded there",
    RejectReason.TOO_LARGE: "look at what the sender puts in the body; no known message comes near the limit",
    RejectReason.ENCODING: "check that the body was not cut or re-encoded on its way (a replay line has body_base64)",
    RejectReason.JSON: "check that the body is whole, and that the shell left its quotes alone",
    RejectReason.SHAPE: "O needs Id, Timestamp, Value; CR needs Id, Timestamp, WasAccepted; C needs Id, Arguments",
    RejectReason.IDENTITY: "key and body belong to different messages: check where they were put together",
    RejectReason.TIMESTAMP: "correct the time; a command needs the header PublishedAt or ArrivalTime",
    RejectReason.CLOCK: "set the device's clock, or correct ArrivalTime; then retry the reject",
    RejectReason.RETENTION: "raise the store's retention and retry the reject, or discard it",
    RejectReason.STORE: "read the store's words in the detail, mend it, and retry the reject",
    RejectReason.VERSION: "use a version of Chargeline that is as new as the one that wrote the record",
    RejectReason.INTERNAL: "report it, with this message; after an update retry the reject",
}

_KIND_WORDS: Mapping[Kind, str] = {
    Kind.OBSERVATION: "observation",
    Kind.RESPONSE: "command response",
    Kind.COMMAND: "command",
}


class Explainer:
    """Explains messages as one catalogue and one way of treating personal values would have them."""

    def __init__(self, catalogue: Catalogue, decoder: Decoder, personal: Personal) -> None:
        """`decoder` is the one whose answers are explained; `personal` is its way of treating personal values."""
        self._catalogue = catalogue
        self._decoder = decoder
        self._rows = RowMaker(catalogue)
        self._observation = ObservationSteps(catalogue, personal)

    def explain_key(self, routing_key: str) -> Explanation:
        """What a routing key alone tells: kind, id, and what the catalogue says of it."""
        try:
            key = RoutingKeyReader().read(routing_key)
        except RefusedError as refused:
            return Explanation(
                routing_key, Verdict.REJECTED, (), refusal=_refusal(refused.reason, refused.detail, None)
            )
        if key.kind is Kind.OBSERVATION:
            entries = [self._observation.entry(product, key.id, f"as {product}") for product in Product]
            return Explanation(routing_key, Verdict.KEY, (_key_step(key), product_by_serial(key.serial), *entries))
        return Explanation(routing_key, Verdict.KEY, (_key_step(key), *self._command_steps(key.id)))

    def explain_delivery(self, delivery: Delivery) -> Explanation:
        """What a message becomes. Never raises for anything in the message."""
        decoded = self._decoder.decode([delivery])
        outcome, surprises = decoded.outcomes[0], tuple(decoded.surprises)
        if isinstance(outcome, Reject):
            steps = self.explain_key(delivery.routing_key).steps[:1]
            refusal = _refusal(outcome.reason, outcome.detail, outcome.key)
            return Explanation(delivery.routing_key, Verdict.REJECTED, steps, refusal=refusal)
        key = RoutingKeyReader().read(delivery.routing_key)
        if isinstance(outcome, CommandSent):
            steps = (_key_step(key), *self._command_steps(key.id), *_sent_steps(outcome))
            return Explanation(delivery.routing_key, Verdict.COMMAND, steps, surprises)
        row = self._rows.row(outcome)
        if isinstance(outcome, Observation):
            members = _members(delivery, key, is_wrapped=Surprise.WRAPPED in surprises)
            own = self._observation.steps(outcome, members, surprises, row)
        else:
            own = (*self._command_steps(key.id), *_response_steps(outcome, row))
        return Explanation(
            delivery.routing_key, Verdict.ROW, (_key_step(key), *own, _row_step(row)), surprises, row, to_line(row)
        )

    def _command_steps(self, command_id: int) -> tuple[Step, ...]:
        spec = self._catalogue.commands.get(command_id)
        if spec is None:
            name = self._catalogue.command_name(command_id)
            return (Step("command", name, "the catalogue has no command of this id; it is called after its number"),)
        step = Step("command", describe_command(spec), "command ids are apart from observation ids")
        seen = [self._catalogue.observations[Product.CHARGER, number] for number in spec.readback]
        if not seen:
            return (step,)
        shown = ", ".join(f"{observation.id} {observation.name}" for observation in seen)
        return (step, Step("shows in", shown, "observations that show the command took effect"))


def describe_command(spec: CommandSpec) -> str:
    """A command with its arguments and their types and units: `48 SetDynamicChargerCurrent (Current_Amp integer A)`."""
    arguments = ", ".join(f"{part.name} {part.type} {part.unit}".rstrip() for part in spec.arguments)
    return f"{spec.id} {spec.name} ({arguments})"


def _refusal(reason: RejectReason, detail: str, key: str | None) -> Refusal:
    return Refusal(reason, MEANING[reason], detail, NEXT_STEP[reason], key)


def _members(delivery: Delivery, key: RoutingKey, *, is_wrapped: bool) -> Members:
    members: dict[str, Json] = read_object(delivery.body)
    return (unwrap(members, key.kind) or members) if is_wrapped else members


def _key_step(key: RoutingKey) -> Step:
    why = "the fourth segment, ticks of the older platform, is not used" if key.is_extended else ""
    return Step("routing key", f"serial {key.serial}, kind {key.kind} ({_KIND_WORDS[key.kind]}), id {key.id}", why)


def _row_step(row: Row) -> Step:
    tags = ", ".join(f"{name}={value}" for name, value in (("charger", row.charger), *row.tags))
    fields = ", ".join(f"{name}={in_short(compact_json(value))}" for name, value in row.fields)
    return Step("row", f"{row.measurement}: tags {tags}; fields {fields}; time {format_time(row.time)}")


def _response_steps(response: CommandResponse, row: Row) -> tuple[Step, ...]:
    fields = dict(row.fields)
    answer = Step("answer", "accepted" if response.accepted else "rejected", "member WasAccepted")
    created = Step("created", format_time(response.created_at), "member Timestamp, the cloud's clock; the row's time")
    return (
        answer,
        created,
        _latency_step("delivered", response.delivered_at, fields.get("delivery_ms"), "DeliveredAt", "the device's"),
        _latency_step("arrived", response.arrived_at, fields.get("response_ms"), "ArrivalTime", "the cloud's"),
    )


def _latency_step(topic: str, time: int | None, latency_ms: float | str | None, member: str, clock: str) -> Step:
    if time is None:
        return Step(topic, "unknown", f"no usable {member}, so the row has no such latency")
    return Step(topic, f"{format_time(time)}, {latency_ms} ms after creation", f"{member}, {clock} clock")


def _sent_steps(command: CommandSent) -> tuple[Step, ...]:
    arguments = ", ".join(f"{part.id}: {in_short(compact_json(part.value))}" for part in command.arguments)
    expires = "never" if command.expires_at is None else format_time(command.expires_at)
    return (
        Step("arguments", arguments or "none", "as sent; those that the catalogue calls personal are redacted"),
        Step("published", format_time(command.published_at), "header PublishedAt, or ArrivalTime where it has none"),
        Step("expires", expires, "member ExpiresAt"),
        Step("ref", command.ref, "names this sending of the command; its copies have the same"),
        Step("row", "none", "this version reads commands and keeps no row of them"),
    )
