"""A bar for what is done in steps, where somebody looks.

Owns how steps are shown. Must not know what is done.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress

from pipeline.backup_steps import Step, TellStep, tell_nobody


@contextmanager
def showing_steps() -> Iterator[TellStep]:
    """A bar on stderr for each step, gone at the end; nothing where stderr is no terminal."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield tell_nobody
        return
    with Progress(console=console, transient=True) as progress:
        bar = progress.add_task("", total=None)

        def show(step: Step) -> None:
            progress.update(bar, description=step.words, completed=step.done, total=step.whole)

        yield show
