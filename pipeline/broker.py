"""The operator's broker as the settings name it, read anew each time, since credentials rotate.

Owns which settings say where the broker, the queue and the exchange are. Must not know how anybody connects.
"""

from pathlib import Path

from pipeline.secret import UnreadableSecretError
from pipeline.setting_specs import SPECS
from pipeline.settings import Settings, SettingsError
from pipeline.wires.amqp_address import EaseeConnection, address_of_url, read_easee_connection


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


def _read_connection_file(path: Path) -> EaseeConnection:
    try:
        return read_easee_connection(path.read_bytes())
    except OSError as fault:
        message = f"{path}: {fault.strerror}; {SPECS['EASEE_CONNECTION_FILE'].variable} must name a file you can read"
        raise UnreadableSecretError(message) from None
    except ValueError as fault:
        raise UnreadableSecretError(f"{path} must be {fault}") from None
