"""The oracle: a second reading of a recorded stream, from the documents alone.

Says which rows must exist and what must be rejected. Slow, and in another style than the product: it imports nothing
of `pipeline` or `schemas`, and a test holds it so. The catalogue's CSV files are read as files.
"""
