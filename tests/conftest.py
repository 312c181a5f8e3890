"""What holds for every test: the same examples on every machine, unless a long campaign asks for fresh ones."""

from hypothesis import settings

settings.register_profile("repeatable", derandomize=True, deadline=None, database=None)
settings.register_profile("thorough", max_examples=5_000, deadline=None, print_blob=True)
settings.load_profile("repeatable")
