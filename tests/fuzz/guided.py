"""One target, guided by coverage: `python -m tests.fuzz.guided TARGET FOLDER… [-libFuzzer options]`.

Owns running atheris in a process of its own, since it takes the whole process. The first folder gets what is new, the
others are read. Ends with 0 when the time is over, and otherwise with the input that failed and why. Must not know
what a target claims.
"""

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec

GUIDE = "atheris"
TARGETS = "tests.fuzz.targets"
OURS = ["pipeline", "schemas"]


def has_guide() -> bool:
    """Whether atheris is here: it has wheels for some systems and Pythons only."""
    return find_spec(GUIDE) is not None


def main(arguments: Sequence[str]) -> None:
    """Fuzz until an option of libFuzzer ends it; never returns."""
    name, *options = arguments
    atheris = import_module(GUIDE)
    # What is imported in here counts its branches.
    with atheris.instrument_imports(include=OURS):
        targets = import_module(TARGETS)
    atheris.Setup([GUIDE, *options], targets.TARGETS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1:])
