"""The broker's faults in words: the cause, the next step, no password."""

import ssl

import pytest
from aiormq.exceptions import (
    AMQPConnectionError,
    ChannelAccessRefused,
    ChannelNotFoundEntity,
    ProbableAuthenticationError,
)

from pipeline.wires.amqp_fault import explain_amqp_fault, is_in_use

IN_USE = ChannelAccessRefused(None, "ACCESS_REFUSED - queue 'q' in vhost '/' in exclusive use")
NO_RIGHT = ChannelAccessRefused(None, "ACCESS_REFUSED - access to queue 'q' in vhost '/' refused for user 'u'")


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (ProbableAuthenticationError("ACCESS_REFUSED - Login was refused"), "Login was refused; see user and password"),
        (ChannelNotFoundEntity(None, "NOT_FOUND - no queue 'q'"), "no queue 'q'.*; see CHARGELINE_AMQP_QUEUE"),
        (NO_RIGHT, "refused for user 'u'.*; this user may not read"),
        (ConnectionRefusedError(111, "refused"), "refused; see that the broker runs"),
        (TimeoutError(), "^TimeoutError; it does not answer"),
        (ssl.SSLCertVerificationError(1, "expired"), "expired.*CHARGELINE_AMQP_CA_FILE"),
        (RuntimeError("two\nlines"), "^two lines; it is tried again$"),
    ],
)
def test_a_fault(fault: Exception, words: str) -> None:
    with pytest.raises(RuntimeError, match=words):
        raise RuntimeError(explain_amqp_fault(fault))


def test_the_systems_fault_beneath_a_general_one_is_told() -> None:
    general = AMQPConnectionError()
    general.__cause__ = ConnectionRefusedError(111, "refused")
    assert "see that the broker runs" in explain_amqp_fault(general)


def test_only_exclusive_use_means_standing_by() -> None:
    assert is_in_use(IN_USE)
    assert not is_in_use(NO_RIGHT)
    assert not is_in_use(ValueError("in exclusive use"))
