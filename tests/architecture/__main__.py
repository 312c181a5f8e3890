"""Prints the import graph, one module a line: what it imports of this project, then of third parties."""

import sys
from pathlib import Path

from tests.architecture.modules import import_graph, read_modules


def main() -> None:
    """Print the graph of the tree that this file is in."""
    modules = read_modules(Path(__file__).parents[2], ("schemas", "pipeline", "tests"))
    graph = import_graph(modules)
    lines = []
    for name, module in modules.items():
        if not module.statements:
            continue
        tops = {imported.partition(".")[0] for imported in module.imports}
        third_party = sorted(tops - set(sys.stdlib_module_names) - {"pipeline", "schemas", "tests"})
        lines.append(
            f"{name} -> {', '.join(sorted(graph[name])) or '-'}" + (f"  [{', '.join(third_party)}]" * bool(third_party))
        )
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
