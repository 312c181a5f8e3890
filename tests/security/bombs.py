"""Bodies made to cost much: nesting, numbers, names and texts as large as they come, and what each must end as.

Owns the bodies. As a program it takes all of them through what reads JSON of strangers, within the memory and the
processor time that it is given: `python -m tests.security.bombs MEGABYTES SECONDS`. It prints each outcome. Must not
know whose limits these are.
"""

import resource
import sys
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from pipeline.core.body import MAX_BYTES
from pipeline.core.decode import Decoder
from pipeline.core.redaction import Personal, Redaction
from pipeline.replay_lines import from_line
from pipeline.wires.amqp_address import read_easee_connection
from schemas.catalogue import shipped_catalogue
from schemas.delivery import Delivery
from schemas.reject import Reject

SIZE = MAX_BYTES - 200
"""What fits into a body beside the members that it must have."""

HUGE = 40 * MAX_BYTES
MEGABYTE = 1 << 20
TAKEN = "taken"
HEAD = b'{"Id":48,"Timestamp":"2026-01-01T00:00:00Z","Value":'
KEY = "EH000001.O.48"
HEADERS: Mapping[str, object] = MappingProxyType({"ArrivalTime": "2026-01-01T00:00:01Z"})

BOMBS: Mapping[str, tuple[bytes, str]] = MappingProxyType(
    {
        "lists in lists": (b"[" * SIZE, "too_large"),
        "objects in objects": (b'{"a":' * (SIZE // 5), "too_large"),
        "lists in a value": (HEAD + b"[" * (SIZE // 2) + b"]" * (SIZE // 2) + b"}", "too_large"),
        "lists beside lists": (HEAD + b"[" + b"[]," * (SIZE // 3 - 1) + b"[]]}", TAKEN),
        "brackets in a text that does not end": (HEAD + b'"' + b'\\"[' * (SIZE // 3), "json"),
        "a number of all digits": (HEAD + b"9" * SIZE + b"}", "json"),
        "a fraction of all digits": (HEAD + b"0." + b"9" * (SIZE - 2) + b"}", TAKEN),
        "a text of all digits": (HEAD + b'"' + b"9" * (SIZE - 2) + b'"}', TAKEN),
        "an exponent of all digits": (HEAD + b"1e" + b"9" * (SIZE - 2) + b"}", "json"),
        "an exponent below all": (HEAD + b"1e-" + b"9" * (SIZE - 3) + b"}", TAKEN),
        "an id of all digits": (b'{"Id":' + b"9" * SIZE + b"}", "json"),
        "a name of all letters": (HEAD + b'1,"' + b"n" * (SIZE - 6) + b'":1}', TAKEN),
        "names without end": (HEAD + b"1" + b"".join(b',"%d":1' % n for n in range(SIZE // 10)) + b"}", TAKEN),
        "one name again and again": (HEAD + b'1,"a":1' + b',"a":1' * (SIZE // 6 - 1) + b"}", TAKEN),
        "escapes": (HEAD + b'"' + b"\\u0000" * (SIZE // 6 - 1) + b'"}', TAKEN),
        "ten megabytes of lists": (b"[" * HUGE, "too_large"),
        "ten megabytes of text": (HEAD + b'"' + b"x" * HUGE + b'"}', "too_large"),
        "white space": (b" " * SIZE, "json"),
    }
)
"""Name -> body, and the reason of the reject that it ends as; TAKEN for those that are odd but
harmless: a row, whose text may be as long as the body."""


def outcomes() -> Iterator[tuple[str, str]]:
    """What each becomes as a delivery; as a personal document, a recorded line and Easee's reply it is only read."""
    decoder = Decoder(shipped_catalogue(), Redaction(Personal.DROP))
    for name, (body, _) in BOMBS.items():
        (outcome,) = decoder.decode([Delivery(KEY, HEADERS, body, 1)]).outcomes
        yield name, outcome.reason.value if isinstance(outcome, Reject) else TAKEN
        decoder.decode([Delivery("EH000001.O.129", HEADERS, body.replace(b"48", b"129", 1), 1)])
        from_line(body)
        from_line(b'{"routing_key":"a.O.1","headers":{},"body":' + body + b"}")
        try:
            read_easee_connection(body)
        except ValueError:
            continue


def main(megabytes: int, seconds: int) -> None:
    """Take all of them, within the limits; the kernel ends whoever needs more."""
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_AS, (megabytes * MEGABYTE, megabytes * MEGABYTE))
    for name, outcome in outcomes():
        print(f"{name}: {outcome}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
