"""The Dockerfile: pinned, small, for nobody special; what it copies is there, and nothing else gets into the image.

The steps themselves are those of tests/test_wheel.py: the locked packages, a wheel built without network, the program.
"""

import re
import shlex
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[1]
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")


def test_what_the_image_copies_is_there_and_not_ignored() -> None:
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line.startswith("!")}
    copied = [
        source
        for line in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE)
        for source in shlex.split(line)[:-1]
    ]
    assert set(copied) == allowed
    assert all((ROOT / source).exists() for source in copied)


def test_what_builds_the_program_is_pinned_with_its_hashes(tmp_path: Path) -> None:
    (program,) = re.findall(r"awk '([^']+)'", DOCKERFILE)
    done = subprocess.run(
        ["awk", program, ROOT / ".ci/lock/dev.txt"], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    first, *hashes = done.stdout.splitlines()
    assert re.fullmatch(r"setuptools==[\d.]+ \\", first)
    assert hashes
    assert all(re.fullmatch(r"    --hash=sha256:[0-9a-f]{64}( \\)?", line) for line in hashes)
    assert DOCKERFILE.count("--require-hashes") == 2


def test_the_image_is_pinned_and_for_nobody_special() -> None:
    bases = re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    assert len(set(bases)) == 1
    assert re.fullmatch(r"python:3\.\d+\.\d+-slim-\w+", bases[0])
    assert "\nUSER 10001:10001\n" in DOCKERFILE
    assert DOCKERFILE.rindex("USER") < DOCKERFILE.rindex("ENTRYPOINT")
