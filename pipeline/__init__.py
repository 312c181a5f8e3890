"""Chargeline: from an Easee operator's stream to rows that can be asked."""
