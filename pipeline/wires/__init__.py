"""Wires: one module for each outside system. Everything that can fail for reasons of its own lives here."""
