"""The two palettes: every paint has one colour for ``game`` and another one for ``camera``."""

from typing import NamedTuple

from numpy.random import Generator

Colour = tuple[float, float, float]


class Paint(NamedTuple):
    """A paint: its colours in the palettes of ``game`` and ``camera``, RGB in [0, 1]."""

    game: Colour
    camera: Colour


def _paint(game: tuple[int, int, int], camera: tuple[int, int, int]) -> Paint:
    return Paint(*((r / 255, g / 255, b / 255) for r, g, b in (game, camera)))


_SHADES: dict[str, tuple[Paint, ...]] = {
    "road": (_paint((92, 92, 104), (124, 119, 112)),),
    "sidewalk": (_paint((205, 178, 168), (150, 143, 132)),),
    "terrain": (_paint((118, 190, 74), (128, 124, 84)),),
    "marking": (_paint((250, 250, 250), (205, 203, 192)),),
    "sky": (_paint((84, 156, 240), (190, 198, 206)),),
    "horizon": (_paint((178, 214, 250), (226, 226, 222)),),
    "leaves": (
        _paint((44, 150, 52), (74, 86, 50)),
        _paint((70, 170, 48), (92, 96, 54)),
        _paint((30, 124, 60), (58, 72, 50)),
        _paint((104, 172, 52), (112, 102, 52)),
    ),
    "bark": (_paint((122, 82, 50), (86, 78, 68)),),
    "wall": (
        _paint((206, 112, 84), (128, 92, 78)),
        _paint((232, 202, 140), (176, 164, 140)),
        _paint((150, 164, 208), (126, 128, 132)),
        _paint((184, 84, 78), (112, 78, 70)),
        _paint((226, 224, 214), (188, 182, 170)),
        _paint((206, 160, 120), (150, 132, 112)),
        _paint((172, 196, 178), (138, 140, 128)),
    ),
    "roof": (_paint((150, 70, 56), (88, 74, 68)), _paint((96, 100, 116), (84, 84, 86))),
    "glass": (_paint((54, 74, 104), (52, 58, 62)),),
    "fence": (
        _paint((196, 150, 96), (116, 100, 82)),
        _paint((232, 232, 228), (168, 164, 154)),
        _paint((90, 110, 96), (84, 88, 82)),
    ),
    "metal": (_paint((150, 154, 162), (108, 108, 106)), _paint((96, 104, 112), (84, 84, 82))),
    "housing": (_paint((46, 50, 46), (40, 42, 40)),),
    "plate": (
        _paint((228, 40, 44), (168, 58, 56)),
        _paint((36, 96, 220), (62, 92, 150)),
        _paint((248, 208, 40), (196, 166, 66)),
    ),
    "tyre": (_paint((40, 40, 44), (42, 40, 40)),),
    "car": (
        _paint((222, 44, 44), (122, 44, 44)),
        _paint((40, 92, 214), (52, 66, 98)),
        _paint((240, 240, 244), (196, 196, 194)),
        _paint((44, 46, 54), (46, 46, 48)),
        _paint((176, 182, 190), (142, 144, 144)),
        _paint((244, 196, 44), (160, 140, 82)),
        _paint((52, 156, 92), (66, 88, 76)),
    ),
    "cargo": (
        _paint((236, 236, 232), (190, 186, 176)),
        _paint((70, 130, 200), (96, 112, 132)),
        _paint((236, 140, 50), (160, 122, 90)),
    ),
    "bus": (
        _paint((244, 180, 40), (170, 146, 80)),
        _paint((216, 40, 60), (140, 64, 62)),
        _paint((60, 170, 180), (104, 132, 134)),
    ),
    "frame": (
        _paint((190, 40, 50), (92, 56, 54)),
        _paint((40, 60, 120), (58, 62, 72)),
        _paint((40, 44, 48), (46, 46, 46)),
    ),
    "shirt": (
        _paint((230, 60, 60), (118, 66, 62)),
        _paint((60, 110, 220), (70, 80, 106)),
        _paint((250, 220, 70), (156, 144, 98)),
        _paint((240, 240, 240), (176, 174, 168)),
        _paint((70, 70, 80), (58, 58, 60)),
        _paint((130, 60, 150), (92, 74, 98)),
    ),
    "trousers": (
        _paint((50, 60, 110), (58, 60, 72)),
        _paint((60, 56, 54), (54, 52, 50)),
        _paint((150, 130, 100), (118, 110, 98)),
    ),
    "skin": (_paint((240, 190, 150), (176, 142, 122)), _paint((150, 100, 70), (112, 84, 70))),
    "helmet": (_paint((240, 240, 240), (180, 178, 172)), _paint((220, 50, 50), (120, 62, 60))),
}


def shades(name: str) -> tuple[Paint, ...]:
    """All paints with the given name."""
    return _SHADES[name]


def pick(name: str, rng: Generator) -> Paint:
    """Pick one of the paints with the given name and make it lighter or darker, by the same factor in both palettes."""
    paint = _SHADES[name][int(rng.integers(len(_SHADES[name])))]
    factor = float(rng.uniform(0.88, 1.1))
    return Paint(_scaled(paint.game, factor), _scaled(paint.camera, factor))


def _scaled(colour: Colour, factor: float) -> Colour:
    red, green, blue = (min(value * factor, 1.0) for value in colour)
    return red, green, blue
