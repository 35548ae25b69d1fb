"""Stages that run beside one another."""

import threading
import time
from itertools import count

import pytest

from davsn.core.ahead import ahead
from davsn.core.console import say, silent


def threads():
    return threading.active_count()


def test_the_same_items_come_in_the_same_order_from_another_thread():
    before, made_in = threads(), set()

    def numbers():
        for number in range(20):
            made_in.add(threading.get_ident())
            yield number

    assert list(ahead(ahead(numbers()))) == list(range(20))
    assert made_in.isdisjoint({threading.get_ident()})
    assert threads() == before


def test_an_item_is_made_while_the_consumer_has_the_one_before():
    second_is_made = threading.Event()

    def numbers():
        yield 1
        second_is_made.set()
        yield 2

    coming = ahead(numbers())
    assert next(coming) == 1
    assert second_is_made.wait(10)
    assert list(coming) == [2]


def test_no_more_than_two_items_wait():
    made = []
    coming = ahead(made.append(number) or number for number in count())
    for taken in range(5):
        assert next(coming) == taken
        time.sleep(0.01)
        assert len(made) <= taken + 3
    coming.close()


def test_an_error_comes_after_the_last_item_through_every_stage():
    def numbers():
        yield 1
        yield 2
        raise ValueError("the third")

    coming = ahead(n * 10 for n in ahead(numbers()))
    assert [next(coming), next(coming)] == [10, 20]
    with pytest.raises(ValueError, match="the third"):
        next(coming)


def test_a_consumer_that_stops_ends_all_stages_and_closes_the_iterator():
    before, closed = threads(), []

    def numbers():
        try:
            yield from count()
        finally:
            closed.append(threading.current_thread() is not threading.main_thread())

    coming = ahead(n for n in ahead(numbers()))
    next(coming)
    coming.close()
    assert closed == [True]
    assert threads() == before


def test_the_stage_is_as_silent_as_its_caller(capsys):
    def told():
        say("loud")
        yield 1

    with silent():
        assert list(ahead(told())) == [1]
    assert capsys.readouterr().out == ""
    assert list(ahead(told())) == [1]
    assert capsys.readouterr().out == "loud\n"
