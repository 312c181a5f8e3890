"""The settings as documents: the files in the tree are what the table says."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.env_file import read_env_file
from pipeline.marked_tables import replace_table
from pipeline.setting_specs import SPECS
from pipeline.settings import load_settings
from pipeline.settings_documents import MARK, env_example, settings_table, write_documents

ROOT = Path(__file__).parents[2]
MEND = "run: python -m pipeline.settings_documents"


def test_env_example_is_what_the_table_says() -> None:
    assert (ROOT / ".env.example").read_text("utf-8") == env_example(), MEND


def test_the_readme_holds_the_table() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    assert readme == replace_table(readme, MARK, settings_table()), MEND


def test_env_example_sets_nothing() -> None:
    assert read_env_file(ROOT / ".env.example").values == {}


def test_env_example_without_its_signs_sets_the_defaults(tmp_path: Path) -> None:
    path = tmp_path / "env"
    path.write_text(re.sub(r"^#(?=CHARGELINE_)", "", env_example(), flags=re.MULTILINE), "utf-8")
    settings = load_settings({}, path)

    assert read_env_file(path).values.keys() == {spec.variable for spec in SPECS.values()}
    assert settings.texts == load_settings({}).texts
    assert set(settings.sources.values()) == {"default", str(path)}


def test_every_setting_is_described_above_its_line() -> None:
    for spec in SPECS.values():
        (described,) = re.findall(rf"\n\n((?:# .+\n)+)#{spec.variable}=(.*)\n", env_example())
        text, default = described
        assert " ".join(spec.meaning.replace("`", "").split()[:3]) in " ".join(text.replace("# ", "").split())
        assert default == (spec.default or "")


@pytest.mark.parametrize("document", [env_example(), settings_table()])
def test_every_secret_says_that_it_is_one(document: str) -> None:
    words = re.sub(r"\n# ", " ", document)
    assert words.count("Secret; or") == sum(spec.is_secret for spec in SPECS.values())


def test_the_table_has_a_row_of_three_cells_for_each_setting() -> None:
    head, rule, *rows = settings_table().splitlines()

    assert {line.count("|") for line in (head, rule, *rows)} == {4}
    assert [row.split("`")[1] for row in rows] == [spec.variable for spec in SPECS.values()]


def test_both_documents_are_written(tmp_path: Path) -> None:
    begin, end = "<!-- settings -->\n", "<!-- /settings -->\n"
    (tmp_path / "README.md").write_text(f"{begin}{end}", "utf-8")
    write_documents(tmp_path)

    assert (tmp_path / "README.md").read_text("utf-8") == f"{begin}{settings_table()}{end}"
    assert (tmp_path / ".env.example").read_text("utf-8") == env_example()


def test_run_in_another_folder_it_says_where_to(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pipeline.settings_documents"]
    environment = {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert done.stderr.endswith("run this in the folder of README.md\n")
    assert "Traceback" not in done.stderr
