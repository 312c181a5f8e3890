"""A fleet of chargers that behaves like Easee's, quirks included, in bytes.

Owns a world of its own: seeded, driven by event time, without a clock. Imports nothing of the core, so that it shares
no rule with what it tests.
"""
