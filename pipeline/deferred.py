"""Modules that are imported when something of them is first used.

Owns how: for what is slow to import and not always needed, so that the program starts quickly. Must not know which
modules these are. Whoever uses one says so at its top, for the type checker and for the program:

    if TYPE_CHECKING:
        from pipeline.wires import influx
    else:
        influx = deferred("pipeline.wires.influx")

and writes `influx.InfluxStore`. An import inside of a function would have no such place.
"""

from importlib import import_module
from types import ModuleType


class _Deferred(ModuleType):
    def __getattr__(self, name: str) -> object:
        value: object = getattr(import_module(self.__name__), name)
        return value


def deferred(name: str) -> ModuleType:
    """The module of this name, which is imported at the first look at something of it; raises ImportError then.

    Each look costs about a microsecond more than usual: nothing for what is done for every message.
    """
    return _Deferred(name)
