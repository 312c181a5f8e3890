"""The inputs that fuzzing begins with: one file each, in `tests/fuzz/corpus/TARGET`, small and few.

Owns where they are, and inputs made of them by chance, which stand in for guided fuzzing where atheris is not. Must not
know what targets claim.
"""

import random
from collections.abc import Iterator, Sequence
from pathlib import Path

FOLDER = Path(__file__).parent / "corpus"
MOST_BYTES = 4_096


def inputs_of(target: str) -> dict[str, bytes]:
    """Name of the file -> its bytes."""
    return {path.name: path.read_bytes() for path in sorted((FOLDER / target).iterdir())}


def mutations(inputs: Sequence[bytes], count: int, seed: int) -> Iterator[bytes]:
    """Inputs with some bytes changed, left out or doubled, or with a piece of another; the same for the same seed."""
    chance = random.Random(seed)
    for _ in range(count):
        content = bytearray(chance.choice(inputs))
        for _ in range(chance.randint(1, 4)):
            place = chance.randrange(len(content) + 1)
            match chance.randrange(4):
                case 0 if place < len(content):
                    content[place] = chance.randrange(256)
                case 1:
                    del content[place : place + chance.randint(1, 9)]
                case 2:
                    content[place:place] = content[place : place + chance.randint(1, 40)]
                case _:
                    other = chance.choice(inputs)
                    start = chance.randrange(len(other) + 1)
                    content[place:place] = other[start : start + chance.randint(1, 80)]
        yield bytes(content[:MOST_BYTES])
