"""The architecture as data: what may import what, and what every file keeps.

`python -m tests.architecture` prints the import graph; `tests/test_architecture.py` holds the rules.
"""
