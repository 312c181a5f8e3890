"""Tables: columns stand under each other, and no cell can steer a terminal."""

import pytest

from pipeline.cli.printing import print_table


def test_a_plain_table_has_its_columns_under_each_other(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("id", "name"), [("1", "a\nb"), ("1000", "\x1b[31mc")])

    assert capsys.readouterr().out == "id    name\n1     a\\nb\n1000  \\x1b[31mc\n"
