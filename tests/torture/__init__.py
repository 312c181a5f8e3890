"""Torture: a worker that is killed, starved, cut off and lied to at random, and a checker that counts what it lost.

Three programs share a folder, and each runs by itself: `faults` (the site: servers, worker, and what befalls them),
`generator` (the chargers, the cloud, the operator) and `checker`. `python -m tests.torture` runs all three.
"""
