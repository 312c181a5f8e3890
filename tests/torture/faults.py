"""The faults: a site of its own, and what befalls it, drawn from a seed and logged with its times.

    python -m tests.torture.faults FOLDER --seed 7 --minutes 30

Says in `site.json` where everything is. When the time is over it writes `calm`, waits until everything was said and the
queue is empty (`drained.json`), and ends the site when the file `over` comes.
"""

import argparse
import asyncio
import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from tests.services.process import ServiceError
from tests.torture.folder import CALM, DRAINED, ENDED, FAULTS, OVER, SAID_ALL, SITE, append, wait_for, write
from tests.torture.inflict import FAULTS as WAYS_TO_INFLICT
from tests.torture.inflict import NotNowError
from tests.torture.plan import CLOCK_STEPS, KINDS, Drawn, cards, draw
from tests.torture.recovery import AtWork, Said, Stored
from tests.torture.shells import Shell, shell_of
from tests.torture.site import Site, site

RECOVERY_S = 300.0
DRAIN_S = 900.0
ORPHANED_S = 240.0
END_S = 10.0
AFTERWARDS = 1_020
"""So many deliveries must follow each fault before the next, and so many messages be said."""


def befall(here: Site, drawn: Drawn) -> None:
    """One fault from its beginning until those on whom it fell are at work again. Logged.

    What falls on the site or a way falls on all. They must be at work once more after the messages that follow: one
    that goes on with what it had, and only then finds that it is thrown out of its group, is not back.
    """
    card, began = drawn.card, time.time_ns()
    victim = here.victim(card.on, drawn.dice) if drawn.is_on_a_process else None
    victims = here.parts if victim is None else [victim]
    with WAYS_TO_INFLICT[card.kind](here, drawn):
        time.sleep(drawn.lasts_s)
    healed, clock = time.time_ns(), time.monotonic()
    progress, said, back = Stored(here.parts), Said(here.folder, healed), AtWork(victims)
    is_back = wait_for(lambda: back.look() or bool(here.ended_by_itself), RECOVERY_S)
    after_s = round(time.monotonic() - clock, 2)
    # What had waited in the queue meanwhile counts for nothing: it was said before.
    wait_for(lambda: progress.look() >= AFTERWARDS <= said.look() or bool(here.ended_by_itself), RECOVERY_S)
    again = AtWork(victims)
    is_back = is_back and wait_for(lambda: again.look() or bool(here.ended_by_itself), RECOVERY_S)
    for part in here.ended_by_itself:
        say(f"{part.name} ended by itself:\n{part.process.log_end()}")
        part.process.kill()
        part.start()
        is_back = False
    entry = {"kind": card.kind, "name": card.name, "victim": None if victim is None else victim.name}
    times = {"began": began, "healed": healed, "recovered_s": after_s if is_back else None}
    append(here.folder / FAULTS, {**entry, **times, "delivered": progress.delivered})
    end = f"at work after {after_s:.1f} s" if is_back else f"not at work after {RECOVERY_S:.0f} s"
    say(f"{card.name}{f' ({victim.name})' if victim else ''}, {(healed - began) / 1e9:.1f} s: {end}")


def torture(here: Site, seed: int, seconds: float, kinds: Sequence[str], least: int) -> None:
    """One fault after the other until the time is over, and at least so many."""
    until = time.monotonic() + seconds
    progress, begun = Stored(here.parts), AtWork(here.parts)
    if not wait_for(lambda: progress.look() >= AFTERWARDS and begun.look(), RECOVERY_S):
        raise ServiceError("\n".join(("not all work:", *(part.process.log_end() for part in here.parts))))
    for count, drawn in enumerate(draw(seed, kinds, here.targets)):
        if count >= least and time.monotonic() + drawn.after_s > until:
            return
        time.sleep(drawn.after_s)
        try:
            befall(here, drawn)
        except NotNowError as why:
            say(f"{drawn.card.name} is left away: {why}")


def possible(here: Site, shell: Shell, kinds: Sequence[str]) -> list[str]:
    """The kinds that can be inflicted on this shell, and on this machine; what cannot is said."""
    kinds = [kind for kind in kinds if kind not in shell.spares]
    if here.has_own_disk or "disk_full" not in kinds:
        return kinds
    say("disk_full is left away: a small disk takes the right to mount, which is not there")
    return [kind for kind in kinds if kind != "disk_full"]


def drain(here: Site) -> bool:
    """Wait until nothing is left to do, for at most as long as that may take; whether it is so."""
    if wait_for(here.is_drained, ORPHANED_S):
        return True
    if here.has_orphans():
        say("the broker counts messages as delivered that no channel has; it is restarted, which gives them back")
        here.broker.stop()
        here.broker.start()
    return wait_for(here.is_drained, DRAIN_S)


def end(here: Site) -> Mapping[str, object]:
    """SIGTERM to everybody at the end of everything: how they took it."""
    began = time.monotonic()
    for part in here.parts:
        with suppress(ProcessLookupError):
            os.kill(part.process.pid, signal.SIGTERM)
    is_gone = wait_for(lambda: not any(part.process.running for part in here.parts), 3 * END_S)
    seconds = time.monotonic() - began
    for part in here.parts:
        part.note_end()
    return {
        "longest_s": round(max(seconds, *(part.longest_end_s for part in here.parts)), 1),
        "lives": sum(part.lives for part in here.parts),
        "is_gone": is_gone,
        "wrong_ends": [end for part in here.parts for end in part.wrong_ends],
        "tracebacks": sum(part.log.read_text("utf-8", "replace").count("Traceback") for part in here.parts),
    }


def run(given: argparse.Namespace, others: Mapping[str, str]) -> None:
    folder: Path = given.folder
    folder.mkdir(parents=True, exist_ok=True)
    shell = shell_of(given.shell)
    wanted = given.kinds.split(",") if given.kinds else list(KINDS)
    with site(folder, shell, given.program, others, has_clock=not CLOCK_STEPS.isdisjoint(wanted)) as here:
        asyncio.run(here.prepare())
        here.start()
        # The roles take no commands: there, all are sent past them.
        url = None if shell.has_kafka else here.parts[0].url
        places = {"amqp_url": here.amqp_url, "http_url": url, "http_token": here.http_token}
        kafka = {"kafka": here.kafka.brokers if shell.has_kafka else None}
        store = {"influx_url": here.store.url, "influx_token": here.store.token, "bucket": here.bucket}
        kinds = possible(here, shell, wanted)
        deck = {"deck": [card.name for card in cards(kinds, here.targets)]}
        write(folder / SITE, {**places, **store, **kafka, **deck, "data_dir": str(here.data_dir), "pid": os.getpid()})
        torture(here, given.seed, given.minutes * 60, kinds, given.least)
        (folder / CALM).touch()
        said_all = wait_for((folder / SAID_ALL).exists, DRAIN_S)
        began = time.monotonic()
        is_drained = said_all and drain(here)
        if is_drained and here.drains_s:
            time.sleep(here.drains_s)
            is_drained = wait_for(here.is_drained, DRAIN_S)
        seconds = round(time.monotonic() - began, 1)
        write(folder / DRAINED, {"is_drained": is_drained, "seconds": seconds, "at": time.time_ns()})
        wait_for((folder / OVER).exists, DRAIN_S)
        write(folder / ENDED, end(here))


def say(words: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {words}", file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.torture.faults", description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path, help="shared with the two other programs; new or empty")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--least", type=int, default=1, help="so many faults, however long that takes")
    parser.add_argument("--shell", default="single")
    parser.add_argument("--kinds", default="", help="only these kinds of fault, with commas between")
    parser.add_argument("--program", default="", help="what is tortured in place of `chargeline`")
    parser.add_argument("--setting", action="append", default=[], help="a setting of the worker, as in BATCH=50")
    given = parser.parse_args()
    # So that what was started ends, and the small disk is let go of.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("told to end"))
    try:
        run(given, dict(each.partition("=")[::2] for each in given.setting))
    except (ServiceError, ValueError) as fault:
        raise SystemExit(str(fault)) from None


if __name__ == "__main__":
    main()
