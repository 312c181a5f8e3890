"""Whole streams: simulated, recorded, replayed, and held against the oracle."""
