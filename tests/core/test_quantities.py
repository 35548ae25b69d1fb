"""Times and sizes as people write them."""

import pytest

from davsn.core.quantities import seconds, size, spoken


@pytest.mark.parametrize(
    ("text", "expected"),
    [("600", 600), (600, 600), ("90s", 90), ("10m", 600), ("10 min", 600), ("1h", 3600), ("1.5H", 5400), (0.5, 0.5)],
)
def test_a_time_is_read(text, expected):
    assert seconds(text) == expected


@pytest.mark.parametrize("text", ["", "0", "-5", "ten", "10d", "m", "1h30"])
def test_no_time_is_refused(text):
    with pytest.raises(ValueError, match=r"a time such as 10m, 90s, 1h or 600 \(seconds\), but got"):
        seconds(text)


def test_a_size_is_a_height_or_both():
    assert (size("160"), size(160), size("320x160"), size("320×160")) == (160, 160, (320, 160), (320, 160))
    with pytest.raises(ValueError, match="WIDTHxHEIGHT such as 320x160, but got '320x'"):
        size("320x")


def test_a_time_is_written_for_people():
    assert [spoken(time) for time in (9.6, 119, 600, 3900)] == ["10 s", "119 s", "10 min", "1 h 5 min"]
