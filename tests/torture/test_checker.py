"""The checker's own rules: what counts as too much, and what its table says."""

import pytest

from tests.torture.checker import MIB, Report, size_faults
from tests.torture.commands import Commands
from tests.torture.expected import Expected
from tests.torture.folder import Entry
from tests.torture.messages import S

ENDED_AT = 1_795_890_734 * S


def sample(before_s: int, *, resident: int = 150, data_dir: int = 50) -> Entry:
    sizes = {"resident": {"worker": resident * MIB, "other": None}, "data_dir": data_dir * MIB, "kafka": 7 * MIB}
    return {"at": ENDED_AT - before_s * S, **sizes}


@pytest.mark.parametrize(
    ("samples", "words"),
    [
        ([sample(100), sample(1)], []),
        ([sample(100), sample(61)], ["nobody looked at sizes"]),
        ([], ["nobody looked at sizes"]),
        ([sample(1, resident=310)], ["worker takes 310 MiB of memory"]),
        ([sample(1, data_dir=500)], ["DATA_DIR takes 500 MiB"]),
    ],
)
def test_sizes(samples: list[Entry], words: list[str]) -> None:
    found = [fault.words for fault in size_faults(samples, ENDED_AT)]
    assert len(found) == len(words)
    assert all(fault.startswith(wanted) for fault, wanted in zip(found, words, strict=True))


def test_the_table_tells_what_came_and_what_never_did() -> None:
    befell = [
        {"name": name, "kind": name.partition(":")[0], "recovered_s": 1.5} for name in ("killed:track", "refused:store")
    ]
    drained = {"is_drained": True, "seconds": 3.0, "at": ENDED_AT}
    deck = ["killed:track", "killed:write", "refused:store", "disk_full"]
    report = Report(deck, Expected(), Commands([], []), befell, [sample(1)], drained, [], [])
    lines = report.table().splitlines()
    assert "faults            2: 1 killed:track, 1 refused:store" in lines
    assert "never came        2: killed:write, disk_full" in lines
    assert "most memory       150 MiB" in lines
    assert "most in Kafka     7 MiB" in lines
