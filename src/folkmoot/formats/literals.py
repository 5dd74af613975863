"""Python literals in what a model wrote, read from any thread."""

import ast
import threading
import warnings

NO_LITERAL = object()
"""What a text is that is no literal."""

_one_at_a_time = threading.RLock()
"""CPython counts the depth of a syntax tree in one place for all threads (gh-106905). When the garbage collector lets
another thread in while a tree is built, both may fail with SystemError. Filters of warnings are shared as well."""


def evaluated(text: str) -> object:
    """The Python value that `text` is, or NO_LITERAL.

    >>> evaluated("[1, 'a']"), evaluated("f(1)") is NO_LITERAL
    ([1, 'a'], True)
    """
    try:
        with _one_at_a_time, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            value: object = ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return NO_LITERAL
    return value
