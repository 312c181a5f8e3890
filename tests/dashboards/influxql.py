"""InfluxQL as far as dashboards use it: a query as its parts, so that rules can judge them.

Owns the grammar: SELECT with subqueries, and SHOW TAG VALUES. Names stand in double quotes, always: a bare word is a
keyword or a function. Must not know which measurements there are (`tests.dashboards.rules`).
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

_TOKEN = re.compile(
    r"""\s*(?:
      "(?P<name>[^"]+)" | '(?P<text>[^']*)' | (?P<regex>(?<=~\s)/(?:\\/|[^/])*/) | (?P<variable>\$\w+)
    | (?P<number>\d+(?:\.\d+)?(?:[a-z]+)?) | (?P<word>[A-Za-z_]\w*) | (?P<sign><=|>=|!=|=~|!~|[-+*/(),=<>])
    )""",
    re.VERBOSE,
)
_CLAUSES = ("WHERE", "GROUP", "FILL", "ORDER", "LIMIT", "SLIMIT", "TZ")


class QueryError(ValueError):
    """What is no query of this grammar, with the place at which it stops being one."""


class Token(NamedTuple):
    """`kind` is the group's name in the grammar; `text` is without quotes."""

    kind: str
    text: str

    def is_word(self, word: str) -> bool:
        """Whether it is this keyword, in any letter case."""
        return self.kind == "word" and self.text.upper() == word


class Call(NamedTuple):
    """A function with the names inside its brackets, at any depth."""

    function: str
    names: tuple[str, ...]


class Item(NamedTuple):
    """One column of an answer: `alias` or empty, the names in it, and the functions. `*` is a name."""

    alias: str
    names: tuple[str, ...]
    calls: tuple[Call, ...]


class Select(NamedTuple):
    """A SELECT. `where` and `group` as they are written; `fill` is empty where there is none."""

    items: tuple[Item, ...]
    sources: "tuple[str | Select, ...]"
    where: tuple[Token, ...]
    group: tuple[str, ...]
    interval: str
    fill: str

    @property
    def filtered(self) -> tuple[str, ...]:
        """The names in the conditions."""
        return tuple(token.text for token in self.where if token.kind == "name")

    @property
    def is_timed(self) -> bool:
        """Whether it is held to the time range of the dashboard."""
        return Token("variable", "$timeFilter") in self.where

    def selects(self) -> "Iterator[Select]":
        """This one, and those inside of it."""
        yield self
        for source in self.sources:
            if isinstance(source, Select):
                yield from source.selects()


class ShowTagValues(NamedTuple):
    """A SHOW TAG VALUES of one key."""

    measurement: str
    key: str
    where: tuple[Token, ...]


def parse(influxql: str) -> Select | ShowTagValues:
    """The query's parts. Raises QueryError."""
    reader = _Reader(_tokens(influxql))
    query = reader.show() if reader.sees("SHOW") else reader.select()
    reader.end()
    return query


def _tokens(influxql: str) -> list[Token]:
    tokens = []
    place = 0
    influxql = influxql.strip()
    while place < len(influxql):
        match = _TOKEN.match(influxql, place)
        if match is None or match.lastgroup is None:
            raise QueryError(f"cannot be read from here: {influxql[place:]}")
        tokens.append(Token(match.lastgroup, match[match.lastgroup]))
        place = match.end()
    return tokens


class _Reader:
    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._place = 0

    def sees(self, text: str) -> bool:
        """Whether the next token is this keyword or sign."""
        token = self._next()
        return token.is_word(text) or token == Token("sign", text)

    def end(self) -> None:
        if self._place < len(self._tokens):
            raise QueryError(f"nothing may come behind its end: {self._next().text}")

    def show(self) -> ShowTagValues:
        for word in ("SHOW", "TAG", "VALUES", "FROM"):
            self._take(word)
        measurement = self._name()
        self._take("WITH")
        self._take("KEY")
        self._take("=")
        return ShowTagValues(measurement, self._name(), self._where())

    def select(self) -> Select:
        self._take("SELECT")
        items = [self._item()]
        while self._took(","):
            items.append(self._item())
        self._take("FROM")
        sources = [self._source()]
        while self._took(","):
            sources.append(self._source())
        where = self._where()
        group: tuple[str, ...] = ()
        interval = ""
        if self._took("GROUP"):
            self._take("BY")
            group, interval = self._group()
        fill = self._argument() if self._took("FILL") else ""
        if self._took("ORDER"):
            for word in ("BY", "TIME"):
                self._take(word)
            self._skip()
        for word in ("LIMIT", "SLIMIT"):
            if self._took(word):
                self._skip()
        if self._took("TZ"):
            self._argument()
        return Select(tuple(items), tuple(sources), where, group, interval, fill)

    def _item(self) -> Item:
        names: list[str] = []
        calls: list[Call] = []
        depth = 0
        while depth or not (self.sees(",") or self.sees("FROM") or self.sees("AS")):
            token = self._skip()
            depth += (token == Token("sign", "(")) - (token == Token("sign", ")"))
            if token.kind == "name" or (token == Token("sign", "*") and not names and not calls):
                names.append(token.text)
            elif token.kind == "word":
                calls.append(Call(token.text.lower(), self._names_in_brackets()))
        return Item(self._name() if self._took("AS") else "", tuple(names), tuple(calls))

    def _names_in_brackets(self) -> tuple[str, ...]:
        if not self.sees("("):
            raise QueryError(f"a name needs double quotes: {self._tokens[self._place - 1].text}")
        names = []
        depth = 0
        for token in self._tokens[self._place :]:
            depth += (token == Token("sign", "(")) - (token == Token("sign", ")"))
            if not depth:
                break
            if token.kind == "name":
                names.append(token.text)
        return tuple(names)

    def _source(self) -> str | Select:
        if not self._took("("):
            return self._name()
        select = self.select()
        self._take(")")
        return select

    def _where(self) -> tuple[Token, ...]:
        if not self._took("WHERE"):
            return ()
        found = []
        depth = 0
        while self._place < len(self._tokens) and not (not depth and (self.sees(")") or any(map(self.sees, _CLAUSES)))):
            token = self._skip()
            depth += (token == Token("sign", "(")) - (token == Token("sign", ")"))
            if token.kind == "word" and token.text.upper() not in ("AND", "OR"):
                raise QueryError(f"a name needs double quotes: {token.text}")
            found.append(token)
        return tuple(found)

    def _group(self) -> tuple[tuple[str, ...], str]:
        names = []
        interval = ""
        while True:
            if self._took("TIME"):
                interval = self._argument()
            else:
                names.append(self._name())
            if not self._took(","):
                return tuple(names), interval

    def _argument(self) -> str:
        self._take("(")
        token = self._skip()
        self._take(")")
        return token.text

    def _name(self) -> str:
        token = self._skip()
        if token.kind != "name":
            raise QueryError(f"a name needs double quotes: {token.text}")
        return token.text

    def _next(self) -> Token:
        return self._tokens[self._place] if self._place < len(self._tokens) else Token("end", "")

    def _skip(self) -> Token:
        token = self._next()
        if token.kind == "end":
            raise QueryError("ends too early")
        self._place += 1
        return token

    def _took(self, text: str) -> bool:
        if self.sees(text):
            self._place += 1
            return True
        return False

    def _take(self, text: str) -> None:
        if not self._took(text):
            raise QueryError(f"{text} was expected, there is {self._next().text or 'nothing'}")
