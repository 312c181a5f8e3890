"""The operator's broker as the settings name it, read anew each time, since credentials rotate.

Owns which settings say where the brokers, the queues and the exchange are, and who reads. Must not know how anybody
connects.
"""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from pipeline.secret import UnreadableSecretError
from pipeline.setting_specs import SPECS, AmqpReader
from pipeline.settings import Settings, SettingsError
from pipeline.wires.amqp_address import EaseeConnection, address_of_url, read_easee_connection
from pipeline.wires.amqp_fast import open_fast_line
from pipeline.wires.amqp_line import OpenLine, open_line

LINES: Mapping[AmqpReader, OpenLine] = MappingProxyType(
    {AmqpReader.FAST: open_fast_line, AmqpReader.AIO_PIKA: open_line}
)
"""How each reader connects."""


def read_broker(settings: Settings) -> EaseeConnection:
    """Where to consume and to publish, as files say it now: `*_FILE` and EASEE_CONNECTION_FILE are read again.

    Raises SettingsError where settings are missing, UnreadableSecretError where a file cannot be used now.
    """
    if settings.easee_connection_file is not None:
        return _read_connection_file(settings.easee_connection_file)
    url, queue, exchange = settings.amqp_url, settings.amqp_queue, settings.amqp_exchange
    if url is None or queue is None:
        missing = [name for name, value in (("AMQP_URL", url), ("AMQP_QUEUE", queue)) if value is None]
        variables = " and ".join(SPECS[name].variable for name in missing)
        file = SPECS["EASEE_CONNECTION_FILE"].variable
        raise SettingsError((f"{variables} must be set, or {file}, to know which queue to read",))
    return EaseeConnection(address_of_url(url.read()), queue, exchange or "")


def read_command_broker(settings: Settings) -> EaseeConnection:
    """Where copies of commands come from: COMMAND_QUEUE at COMMAND_AMQP_URL, or else at the operator's broker.

    Raises as `read_broker`, and SettingsError where COMMAND_QUEUE is not set.
    """
    if settings.command_queue is None:
        raise SettingsError((f"{SPECS['COMMAND_QUEUE'].variable} must be set, to read copies of commands",))
    if settings.command_amqp_url is None:
        return read_broker(settings)._replace(queue=settings.command_queue)
    return EaseeConnection(address_of_url(settings.command_amqp_url.read()), settings.command_queue, "")


def check_sending(settings: Settings, broker: EaseeConnection) -> None:
    """See that commands could be published. Raises SettingsError for what HTTP_TOKEN is useless without."""
    if settings.http_token is None:
        return
    token = SPECS["HTTP_TOKEN"].variable
    faults = []
    if settings.operator is None:
        faults.append(f"{SPECS['OPERATOR'].variable} must be set where {token} is: Easee asks who sends a command")
    if not broker.exchange:
        faults.append(
            f"{SPECS['AMQP_EXCHANGE'].variable} must be set where {token} is, to know where commands are published"
        )
    if settings.http is None:
        faults.append(f"{SPECS['HTTP'].variable}=off leaves {token} without use; set an address, or leave it out")
    if settings.amqp_share:
        faults.append(
            f"{SPECS['AMQP_SHARE'].variable}=on leaves {token} without sense: another worker would get the answers of "
            "commands that this one sends; leave one of the two out"
        )
    if faults:
        raise SettingsError(tuple(faults))


def _read_connection_file(path: Path) -> EaseeConnection:
    try:
        return read_easee_connection(path.read_bytes())
    except OSError as fault:
        message = f"{path}: {fault.strerror}; {SPECS['EASEE_CONNECTION_FILE'].variable} must name a file you can read"
        raise UnreadableSecretError(message) from None
    except ValueError as fault:
        raise UnreadableSecretError(f"{path} must be {fault}") from None
