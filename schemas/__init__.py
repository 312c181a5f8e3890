"""Nouns: the typed records and vocabulary of Chargeline. Imports only the standard library."""
