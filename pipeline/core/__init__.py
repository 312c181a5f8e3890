"""Verbs, pure: records in, records out. No I/O, no clock, no settings."""
