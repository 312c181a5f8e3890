"""The subset of YAML: what is in it is read, and nothing else."""

import pytest

from tests.dashboards.nodes import Json
from tests.dashboards.yaml_subset import YamlError, read_yaml


@pytest.mark.parametrize(
    ("source", "read"),
    [
        ("# why\na: 1\nb: true\n", {"a": 1, "b": True}),
        ("a:\n  - b: x\n    c: 10m\n  - d\n", {"a": [{"b": "x", "c": "10m"}, "d"]}),
        ('a: "it is: $x"\nb: Token $TOKEN\n', {"a": "it is: $x", "b": "Token $TOKEN"}),
        ("a: >-\n  one\n  two\nb: -\n".replace("b: -\n", "b: 2\n"), {"a": "one two", "b": 2}),
    ],
)
def test_yaml_is_read(source: str, read: Json) -> None:
    assert read_yaml(source) == read


@pytest.mark.parametrize(
    "source",
    [
        *(
            "a: yes\n",
            "a: 1.5\n",
            "a: {b: 1}\n",
            "a: x # why\n",
            "a: x: y\n",
            "a: x:\n",
            "a: 1\na: 2\n",
            "a:\n   b: 1\n",
        ),
        *(
            "\ta: 1\n",
            "a: 'x'\n",
            "a: &x 1\n",
            'a: "x\n',
            "a: >-\nb: 1\n",
            "a: 1\n  b: 2\n",
            "a: 07\n",
            "a: x \n",
            "a: 2026-01-01\n",
        ),
    ],
)
def test_yaml_that_could_be_misread_is_refused(source: str) -> None:
    with pytest.raises(YamlError):
        read_yaml(source)
