"""A table in a document that people write, between two lines that say where it stands.

Owns how it is replaced. Must not know what is in it.
"""


def replace_table(document: str, mark: str, table: str) -> str:
    """The document with `table` between `<!-- mark -->` and `<!-- /mark -->`, whatever stood there.

    Raises ValueError for a document without these two lines.
    """
    begin, end = f"<!-- {mark} -->\n", f"<!-- /{mark} -->\n"
    before, found, rest = document.partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"the README needs a line {begin.strip()} and, below it, a line {end.strip()}")
    return f"{before}{begin}{table}{end}{after}"
