"""The program `chargeline`: its commands, and how each way of failing ends.

Owns the list of commands and the exit codes: 0, 1 runtime, 2 usage, 130 interrupted.
Commands are imported when they are used, so that `--version` and completion stay quick.
"""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from types import MappingProxyType

import click
from click.shell_completion import CompletionItem

COMMANDS: Mapping[str, str] = MappingProxyType(
    {
        "backup": "Copy what DATA_DIR holds, also while a worker runs.",
        "catalogue": "Look up observation and command ids.",
        "check": "See whether a worker could work, and what to mend.",
        "commands": "List the commands that were sent, and how they stand.",
        "config": "Show the settings in force, secrets masked.",
        "demo": "Watch a simulated fleet, stored in SQLite; needs no server.",
        "explain": "Say what one message becomes, and why.",
        "export": "Write rows of the store into a CSV or Parquet file.",
        "rejects": "List, show, retry, discard or export refused deliveries.",
        "replay": "Take a recorded stream through the pipeline.",
        "rollup": "Work out the past anew: hours, snapshots, sessions.",
        "run": "Take the operator's queue into the store.",
        "restore": "Put a backup into DATA_DIR.",
        "send": "Send a command to a charger, through the worker.",
        "simulate": "Be a fleet, at a broker of your own.",
        "topics": "Make the topics of a scale-out on Kafka.",
    }
)
"""Every command with its line in the help; the module of the same name holds it as `command`."""

FAILED = 1
INTERRUPTED = 130


class _Program(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"pipeline.cli.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(sorted(COMMANDS.items()))

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        # click would import every command, to see what its line in the help is.
        commands = [
            CompletionItem(name, help=line) for name, line in sorted(COMMANDS.items()) if name.startswith(incomplete)
        ]
        return commands + click.Command.shell_complete(self, ctx, incomplete)


@click.group(
    cls=_Program,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
    epilog="Example: chargeline demo --duration 30s",
)
@click.version_option(package_name="chargeline", prog_name="chargeline")
def program() -> None:
    """Read the stream of an Easee operator and keep every message where it can be asked."""


def main() -> None:
    """Run the program and leave with its exit code."""
    sys.exit(run_program(sys.argv[1:]))


def run_program(arguments: Sequence[str]) -> int:
    """Run one command line; the exit code. What a user can mend is said in words, never as a stack trace."""
    stdout = sys.stdout
    try:
        result = program.main(args=list(arguments), prog_name="chargeline", standalone_mode=False)
        sys.stdout.flush()
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except click.ClickException as mistake:
        # Servers have a say in some of them.
        escape: Callable[[str], str] = import_module("pipeline.log").escape
        mistake.message = "\n".join(map(escape, mistake.message.split("\n")))
        mistake.show()
        return mistake.exit_code
    except BrokenPipeError:
        return _stop_writing()
    except SystemExit:
        # So click answers a broken pipe, as a failure, which it is not; stdout is then no longer the one it was.
        if sys.stdout is stdout:
            raise
        return _stop_writing()
    return result if isinstance(result, int) else 0


def _stop_writing() -> int:
    """Whoever read our output has seen enough (`| head`); without this Python would complain once more on exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0
