"""Literals are read in several threads at once."""

import gc
import threading

import pytest

from folkmoot.formats.literals import NO_LITERAL, evaluated

TEXTS = ["[1, [2, [3, (4, [5])]], {'a': [6, 7]}]", "[[1], {2: (3, 4)}]"]


def test_a_literal_is_the_same_while_another_thread_reads_one() -> None:
    """The garbage collector lets another thread in while a syntax tree is built: here whenever it runs."""
    found: list[object] = []
    threads: list[threading.Thread] = []

    def let_another_in(phase: str, _: object) -> None:
        if phase == "start" and threading.current_thread() is threading.main_thread() and len(threads) < 30:
            threads.append(threading.Thread(target=lambda: found.append(evaluated(TEXTS[1]))))
            threads[-1].start()
            threads[-1].join(0.02)  # by then it is done, or waits for us

    before = gc.get_threshold()
    gc.callbacks.append(let_another_in)
    gc.set_threshold(5)
    try:
        value = evaluated(TEXTS[0])
    finally:
        gc.callbacks.remove(let_another_in)
        gc.set_threshold(*before)
        for thread in threads:
            thread.join()
    assert value == [1, [2, [3, (4, [5])]], {"a": [6, 7]}]
    assert threads
    assert found == [[[1], {2: (3, 4)}]] * len(threads)


@pytest.mark.parametrize("text", ["", "f(1)", "[1", "x", "(" * 500, "1 +", "\0"])
def test_what_is_no_literal_is_nothing(text: str) -> None:
    assert evaluated(text) is NO_LITERAL
