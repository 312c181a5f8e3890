"""All three programs at once, and the table at the end.

    python -m tests.torture --minutes 30 --seed 7 --shell single

Exit code 1 where a fault was found. What each of them said is in the folder.
"""

import argparse
import signal
import sys
import time
from pathlib import Path
from secrets import randbelow
from tempfile import mkdtemp

from tests.torture.checker import PATIENCE_S
from tests.torture.conductor import torture

SEEDS = 1_000_000


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__.split("\n")[0])
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--seed", type=int, default=randbelow(SEEDS))
    parser.add_argument("--shell", default="single")
    parser.add_argument("--rate", type=float, default=400.0, help="messages a second, bursts aside")
    parser.add_argument("--folder", type=Path, help="new or empty; a temporary one otherwise")
    parser.add_argument("--kinds", default="", help="only these kinds of fault, with commas between")
    parser.add_argument("--program", default="", help="what is tortured in place of `chargeline`")
    given = parser.parse_args()
    folder = given.folder or Path(mkdtemp(prefix="torture-"))
    print(f"seed {given.seed}, {given.minutes:g} minutes, in {folder}", file=sys.stderr, flush=True)
    faults = ["--seed", str(given.seed), "--shell", given.shell, "--kinds", given.kinds, "--program", given.program]
    generator = ["--seed", str(given.seed), "--rate", str(given.rate)]
    # So that what was started ends with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("told to end"))
    began = time.monotonic()
    ended = torture(folder, given.minutes, faults, generator, PATIENCE_S)
    print(f"seed              {given.seed}\n{ended.table}", end="")
    print(f"{(time.monotonic() - began) / 60:.1f} minutes; {'; '.join(ended.words) or 'no fault'}")
    sys.exit(not ended.is_good)


if __name__ == "__main__":
    main()
