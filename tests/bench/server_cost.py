"""What processes take: CPU seconds so far, from /proc, of one of them or of all that were started in a folder.

Must not know which these are. A process that ended takes its time with it: servers live as long as the bench.
"""

import os
from pathlib import Path

_PROC = Path("/proc")
_USER, _SYSTEM = 11, 12
"""Places in /proc/<pid>/stat, counted from behind the name in brackets."""


def cpu_s_of(folder: Path) -> float:
    """CPU seconds so far, user and system, of every process whose command line names this folder."""
    wanted = os.fsencode(folder)
    return sum(_cpu_s(process) for process in _PROC.iterdir() if process.name.isdigit() and _names(process, wanted))


def cpu_s_of_process(number: int) -> float:
    """CPU seconds so far, user and system, of the process with this number."""
    return _cpu_s(_PROC / str(number))


def _names(process: Path, wanted: bytes) -> bool:
    try:
        return wanted in (process / "cmdline").read_bytes()
    except OSError:
        return False


def _cpu_s(process: Path) -> float:
    try:
        fields = (process / "stat").read_text("utf-8").rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[_USER]) + int(fields[_SYSTEM])) / os.sysconf("SC_CLK_TCK")
