"""Fuzzing, guided by coverage: bytes from strangers through the parts of the program that read them.

`make test` runs each target for ten seconds, `make fuzz MINUTES=15` each for so long.
"""
