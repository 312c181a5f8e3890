"""The long run: `python -m tests.fuzz MINUTES`, each target for so long, one after the other.

Owns where finds go: `.fuzz/TARGET` has the inputs that reached something new and is read again by the next run,
`.fuzz/found` those that failed. Ends with 1 where there is one, and says how to look at it. Must not know what targets
claim.
"""

import subprocess
import sys
from pathlib import Path

from tests.fuzz.corpus import FOLDER, MOST_BYTES
from tests.fuzz.guided import has_guide
from tests.fuzz.targets import TARGETS

FINDS = Path(".fuzz")
SECONDS_OF_A_MINUTE = 60
SLOWEST_INPUT_S = 20
MOST_MEMORY_MB = 1_024


def fuzz(target: str, seconds: int, finds: Path, *, seed: int = 0) -> subprocess.CompletedProcess[str]:
    """Run one target so long. What is new goes to `finds`, an input that fails to `finds/found`. Seed 0 is any."""
    new, found = finds / target, finds / "found"
    for folder in (new, found):
        folder.mkdir(parents=True, exist_ok=True)
    command = [
        *(sys.executable, "-m", "tests.fuzz.guided", target, str(new), str(FOLDER / target)),
        f"-max_total_time={seconds}",
        f"-max_len={MOST_BYTES}",
        f"-timeout={SLOWEST_INPUT_S}",
        f"-rss_limit_mb={MOST_MEMORY_MB}",
        f"-artifact_prefix={found}/{target}-",
        f"-seed={seed}",
        "-print_final_stats=1",
    ]
    return subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)


def runs_of(output: str) -> int:
    """How many inputs were tried: from `stat::number_of_executed_units: 12`."""
    return next((int(line.split()[-1]) for line in output.splitlines() if "number_of_executed_units" in line), 0)


def main(minutes: float) -> int:
    """Fuzz every target; the exit code."""
    if not has_guide():
        print("atheris is not here: it has wheels for Linux on x86_64 and Python 3.11 to 3.13 only", file=sys.stderr)
        return 2
    failed = False
    for target in TARGETS:
        done = fuzz(target, round(minutes * SECONDS_OF_A_MINUTE), FINDS)
        print(f"{target}: {runs_of(done.stderr)} inputs, {len(list((FINDS / target).iterdir()))} kept", flush=True)
        if done.returncode:
            failed = True
            print(done.stdout[-MOST_BYTES:] + done.stderr[-MOST_BYTES:], file=sys.stderr)
            print(f"{target} failed: its input is in {FINDS}/found; put it into {FOLDER / target}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1])))
