"""Tests of the scale-out roles."""
