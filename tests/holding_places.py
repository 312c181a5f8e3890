"""Places of the program that wait for an operator, found in its source, with what each says.

Owns the reading of source: calls, what their names were given, and who makes an error for others. Must not know where
an operator reads of them (`tests.test_runbook`).
"""

import ast
from collections.abc import Iterator, Mapping
from typing import NamedTuple

Function = ast.FunctionDef | ast.AsyncFunctionDef


class Call(NamedTuple):
    """A call, the classes and functions that it stands in, and its file."""

    node: ast.Call
    scopes: tuple[Function | ast.ClassDef, ...]
    file: str
    module: ast.Module

    @property
    def name(self) -> str:
        """What is called, without what it is of."""
        called = self.node.func
        return called.id if isinstance(called, ast.Name) else called.attr if isinstance(called, ast.Attribute) else ""

    @property
    def where(self) -> str:
        """Its file and function."""
        return f"{self.file} {'.'.join(scope.name for scope in self.scopes)}"

    @property
    def message(self) -> ast.expr:
        """Its first argument; itself where it has none."""
        return self.node.args[0] if self.node.args else self.node

    def values(self, name: str) -> list[ast.expr]:
        """What a name is given in the function and at the top of the file."""
        statements = [*(ast.walk(self.scopes[-1]) if self.scopes else ()), *self.module.body]
        given = [(each.targets[0], each.value) for each in statements if isinstance(each, ast.Assign)]
        return [value for target, value in given if isinstance(target, ast.Name) and target.id == name]

    def words(self, node: ast.expr, seen: frozenset[str] = frozenset()) -> str:
        """The texts in an expression, and in what its names were given."""
        found = []
        for part in ast.walk(node):
            if isinstance(part, ast.Constant) and isinstance(part.value, str):
                found.append(part.value)
            elif isinstance(part, ast.Name) and part.id not in seen:
                found += [self.words(value, seen | {part.id}) for value in self.values(part.id)]
        return "…".join(found)

    def messages(self) -> list[str]:
        """The words of its message: of each that it may be, where that is a name."""
        message = self.message
        given = self.values(message.id) if isinstance(message, ast.Name) else []
        before = [each for each in given if each.lineno < self.node.lineno]
        return [self.words(each) for each in before or [message]]

    def maker(self) -> str | None:
        """The class or function that makes an error with its caller's words, so that its callers are the places."""
        function = self.scopes[-1] if self.scopes else None
        if not isinstance(function, Function):
            return None
        texts = {each.arg for each in function.args.args if each.annotation and ast.unparse(each.annotation) == "str"}
        if not any(isinstance(part, ast.Name) and part.id in texts for part in ast.walk(self.message)):
            return None
        if function.name == "__init__":
            return self.scopes[-2].name
        is_returned = any(isinstance(each, ast.Return) and each.value is self.node for each in ast.walk(function))
        return function.name if is_returned else None


def calls(sources: Mapping[str, str]) -> list[Call]:
    """Every call in files, by their names."""

    def inside(node: ast.AST, around: Call) -> Iterator[Call]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Call):
                yield around._replace(node=child)
            if isinstance(child, Function | ast.ClassDef):
                yield from inside(child, around._replace(scopes=(*around.scopes, child)))
            else:
                yield from inside(child, around)

    modules = {file: ast.parse(source) for file, source in sources.items()}
    nothing = ast.Call(ast.Name(""), [], [])
    return [call for file, module in modules.items() for call in inside(module, Call(nothing, (), file, module))]


def holds(sources: Mapping[str, str]) -> list[tuple[str, str]]:
    """Every place that may wait for an operator, and the words of each message that it has."""
    every = calls(sources)
    holding = [call for call in every if any(map(_is_hold, call.node.keywords))]
    makers = {(call.file, name) for call in holding if (name := call.maker()) is not None}
    public = {name for _, name in makers if not name.startswith("_")}
    places = [call for call in holding if call.maker() is None]
    places += [call for call in every if call.name in public or (call.file, call.name) in makers]
    return [(call.where, words) for call in places for words in call.messages()]


def _is_hold(keyword: ast.keyword) -> bool:
    """Neither one that says no, nor one that passes on what an error says that was made elsewhere."""
    value = keyword.value
    is_passed_on = isinstance(value, ast.Attribute) and value.attr == "needs_operator"
    is_no = isinstance(value, ast.Constant) and not value.value
    return keyword.arg in ("needs_operator", "is_holding") and not is_passed_on and not is_no
