"""Env files: the lines that count, and the lines that are faults."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.env_file import EnvFile, read_env_file


def read(folder: Path, content: bytes) -> EnvFile:
    path = folder / "env"
    path.write_bytes(content)
    return read_env_file(path)


@pytest.mark.parametrize(
    ("content", "values"),
    [
        ("", {}),
        ("# A comment.\n\nA=1\n", {"A": "1"}),
        ("A=1\r\nB=2", {"A": "1", "B": "2"}),
        ("\ufeffA=1", {"A": "1"}),
        ("export A=1", {"A": "1"}),
        ("A=1\nA=2", {"A": "2"}),
        ("A=", {"A": ""}),
        ("A=b c # why", {"A": "b c"}),
        ("A=b#c", {"A": "b#c"}),
        ("A='b # c'", {"A": "b # c"}),
    ],
)
def test_values(tmp_path: Path, content: str, values: dict[str, str]) -> None:
    assert read(tmp_path, content.encode()) == EnvFile(values, ())


@pytest.mark.parametrize("value", ["${A}", "$A", "a${B:-c}"])
def test_nothing_in_a_value_is_replaced(tmp_path: Path, value: str) -> None:
    assert read(tmp_path, f"A=x\nB={value}".encode()).values["B"] == value


@pytest.mark.parametrize("line", ["A", "A: s3cret", "A='s3cret", "='s3cret'", 'A="s3cret" s3cret'])
def test_a_line_that_says_nothing_is_a_fault_and_costs_no_neighbour(tmp_path: Path, line: str) -> None:
    values, faults = read(tmp_path, f"# One.\n\n\n{line}\nB=2\n".encode())

    (fault,) = faults
    assert f"{tmp_path / 'env'} line 4 is not NAME=value" in fault
    assert "s3cret" not in fault
    assert values == {"B": "2"}


@pytest.mark.parametrize(
    ("content", "words"), [(b"A=\xff", "not UTF-8"), (b"#" * (1 << 20) + b"\n", "longer than 1048576 characters")]
)
def test_a_file_of_something_else_is_one_fault(tmp_path: Path, content: bytes, words: str) -> None:
    values, (fault,) = read(tmp_path, content)
    assert values == {}
    assert words in fault


@pytest.mark.parametrize(("name", "words"), [("missing", "No such file"), (".", "Is a directory"), ("\0", "be a path")])
def test_a_file_that_cannot_be_opened_is_one_fault(tmp_path: Path, name: str, words: str) -> None:
    values, (fault,) = read_env_file(tmp_path / name)
    assert values == {}
    assert words in fault


@given(content=st.text(alphabet=st.characters(codec="utf-8")) | st.text(alphabet="A='\"\\#$ \n\r{}export"))
def test_any_text_is_values_and_faults(tmp_path_factory: pytest.TempPathFactory, content: str) -> None:
    file = read(tmp_path_factory.getbasetemp(), content.encode())
    assert all(isinstance(value, str) for value in file.values.values())
