"""The ref of a command: what names one sending of it, the same for every copy and redelivery.

Owns the hash. Pure. Must not know where its parts come from.
"""

from hashlib import sha256

_LENGTH = 32


def command_ref(serial: str, command_id: int, *parts: bytes) -> str:
    """32 hexadecimal digits: a hash of serial, command id and parts, which do not run into each other.

    `parts` is the `message_id`, or where there is none the body and its stamp. A command of ours is published under a
    `message_id`, so that a copy of it, wherever it comes from, has the ref that we gave it.
    """
    digest = sha256()
    for part in (serial.encode(), str(command_id).encode(), *parts):
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.hexdigest()[:_LENGTH]
