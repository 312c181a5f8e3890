"""The truth of a run."""

from pipeline.simulator.truth import ChargingSession, CommandTruth, Disconnection, Truth


def test_history_can_be_left_out() -> None:
    session, command = ChargingSession("EH1", 1, 0), CommandTruth("EH1", 48, True, 0, 1)
    whole, counts = Truth(), Truth(keeps_history=False)
    for truth in (whole, counts):
        truth.add_session(session)
        truth.add_command(command)
        truth.add_disconnection(Disconnection("EH1", 0))
        truth.add_energy("EH1", 0, 1, 2.5)
        truth.kinds["O"] += 2
        truth.kinds["other"] += 1
    assert (whole.sessions, whole.commands) == ([session], [command])
    assert (counts.sessions, counts.commands) == ([], [])
    assert (whole.disconnections, whole.energies) == ([Disconnection("EH1", 0)], {("EH1", 0): 2.5})
    assert (counts.disconnections, counts.energies) == ([], {})
    assert whole.deliveries == counts.deliveries == 3
