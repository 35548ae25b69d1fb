"""Draws one image that shows a flow and whether the frames agree with it: six panels with explanations."""

from dataclasses import dataclass

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Circle
from matplotlib.patheffects import withStroke
from numpy.typing import NDArray

from davsn.flow.consistency import consistent
from davsn.flow.measure import without_exact
from davsn.ops.arrays import to_arrays, to_tensor
from davsn.ops.warp import warp
from davsn.report.render import Picture, flow_wheel

_INK, _QUIET = "#1a1a1a", "#666666"
_WIDTH = 15.0
"""Width of the image in inches of 100 pixels."""
_ARROWS = 26
"""Number of arrows along the longer side."""
_LOST = np.array([214, 39, 40], np.float32)
"""Colour of pixels that are not found in the other frame."""
_LARGEST_CHANGE = 64
"""Difference between A and B warped onto A, in 8-bit levels, that is drawn black."""


@dataclass(frozen=True)
class FlowView:
    """Content of the image for one pair of frames.

    Attributes:
        a: (H, W, 3) uint8 RGB; the flow is defined on its grid.
        b: frame b, of the same shape.
        flow: (H, W, 2) pixels a→b.
        known: (H, W) where the flow is known; None: everywhere.
        back: (H, W, 2) the flow b→a, which tells what is occluded; None if there is none.
        names: the names of frame a, of frame b and of the origin of the flow.
    """

    a: Picture
    b: Picture
    flow: NDArray[np.floating]
    known: NDArray[np.bool_] | None
    back: NDArray[np.floating] | None
    names: tuple[str, str, str]


def scale_of(flows: list[NDArray[np.floating]]) -> float:
    """Choose the speed in pixels that gets full colour: a round number; all but 1 % of the pixels are slower."""
    speeds = np.concatenate([np.linalg.norm(flow, axis=-1).ravel() for flow in flows])
    fast = max(float(np.percentile(speeds, 99)), 0.5)
    unit = 10 ** np.floor(np.log10(fast))
    return float(next(step * unit for step in (1, 1.5, 2, 3, 4, 5, 6, 8, 10) if step * unit >= fast * 0.999))


def flow_picture(view: FlowView, fastest: float) -> Picture:
    """Draw frame a with arrows, the flow in colours, what is occluded; frame b, b warped onto a, and the difference.

    Args:
        view: the content.
        fastest: the speed of full colour, in pixels. Keep it over a video (:func:`scale_of`).

    Returns:
        (h, w, 3) uint8 RGB, 1500 pixels wide and of even height. Frames of one size give images of one size.
    """
    height, width = view.a.shape[:2]
    rows = 2 * (_WIDTH / 3 * height / width + 0.62)
    with rc_context({"font.size": 11, "text.color": _INK, "axes.titlesize": 12, "axes.titlelocation": "left"}):
        figure = Figure(figsize=(_WIDTH, round(rows * 50) / 50), dpi=100, facecolor="white")
        canvas = FigureCanvasAgg(figure)
        top = 0.56 / rows
        grid = figure.subplots(
            2, 3, gridspec_kw={"left": 0.006, "right": 0.994, "bottom": 0.01, "top": 1 - top, "wspace": 0.025}
        )
        figure.subplots_adjust(hspace=0.56 / (_WIDTH / 3 * height / width))
        _fill(grid, view, fastest)
        canvas.draw()
    return np.ascontiguousarray(np.asarray(canvas.buffer_rgba())[..., :3])


def _fill(grid: NDArray[np.object_], view: FlowView, fastest: float) -> None:
    name_a, name_b, origin = view.names
    moved, within = warp(to_tensor([view.b]).float(), to_tensor([view.flow]).float())
    inside = within[0].numpy()
    unknown = np.zeros(inside.shape, bool) if view.known is None else ~view.known
    length = _arrows(grid[0, 0], view.flow, unknown)
    _panel(grid[0, 0], view.a, f"A: {name_a}", f"arrows {length:g}× as long as the motion")
    black = "; black: occluded or unknown" if unknown.any() else ""
    coloured = flow_wheel(np.where(unknown[..., None], np.nan, view.flow), fastest)
    _panel(grid[0, 1], coloured, f"flow A→B, {origin}", f"full colour: {fastest:g} px and more{black}")
    _wheel(grid[0, 1], *inside.shape)
    lost, reason = _lost(view, inside)
    grey = np.repeat(view.a.mean(-1, keepdims=True) * 0.6 + 90, 3, -1)
    marked = np.where(lost[..., None], 0.35 * grey + 0.65 * _LOST, grey).astype(np.uint8)
    _panel(grid[0, 2], marked, f"red: {reason}", f"{100 * lost.mean():.1f} % of the pixels")

    white = ~inside[..., None]
    brought = np.where(white, 255, to_arrays(moved)[0].round()).astype(np.uint8)
    _panel(grid[1, 0], view.b, f"B: {name_b}", "")
    _panel(grid[1, 1], brought, "B warped onto A by the flow", "should look like A; white: from outside B")
    change = np.abs(brought.astype(np.float32) - view.a).mean(-1)
    dark = np.where(white, 255, 255 - np.clip(change * (255 / _LARGEST_CHANGE), 0, 255)[..., None]).astype(np.uint8)
    means = without_exact(view.a, view.b, view.flow).means()
    after, before = means["photometric error"], means["photometric error at rest"]
    told = "" if after is None else f"mean {after:.1f} of 255 levels; without the flow {before:.1f}"
    _panel(grid[1, 2], np.repeat(dark, 3, -1), f"difference from A (black: {_LARGEST_CHANGE})", told)


def _lost(view: FlowView, inside: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], str]:
    """Find where A's content is not in B, and the reason for the title."""
    lost, reason = ~inside, "leaves the frame"
    if view.back is not None:
        there, back = (to_tensor([flow]).float() for flow in (view.flow, view.back))
        lost, reason = ~consistent(there, back)[0].numpy(), "not found again in B (A→B→A)"
    if view.known is not None:
        lost, reason = lost | ~view.known, f"occluded or unknown, or {reason}"
    return lost, reason


def _panel(axes: Axes, picture: Picture, title: str, told: str) -> None:
    axes.imshow(picture, interpolation="antialiased" if picture.shape[1] > 480 else "nearest", zorder=0)
    axes.set_title(title, pad=20, fontweight="bold")
    axes.text(0, 1.02, told, transform=axes.transAxes, color=_QUIET, fontsize=10.5, va="bottom")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_color("#bbbbbb")


def _arrows(axes: Axes, flow: NDArray[np.floating], unknown: NDArray[np.bool_]) -> float:
    """Draw the arrows; return their length as a multiple of the motion."""
    height, width = unknown.shape
    step = max(max(height, width) // _ARROWS, 2)
    y, x = np.mgrid[step // 2 : height : step, step // 2 : width : step]
    motion = np.where(unknown[y, x, None], np.nan, flow[y, x])
    typical = np.nanpercentile(np.linalg.norm(motion, axis=-1), 90) if np.isfinite(motion).any() else 1.0
    wish = step * 1.1 / max(float(typical), 0.05)
    length = next((factor for factor in (20, 10, 5, 4, 3, 2, 1, 0.5, 0.25) if factor <= wish), 0.1)
    arrows = axes.quiver(
        *(x, y, motion[..., 0] * length, motion[..., 1] * length),
        **{"angles": "xy", "scale_units": "xy", "scale": 1, "color": "#ffd21f", "width": 0.0028, "minlength": 0.4},
    )
    arrows.set_path_effects([withStroke(linewidth=1.6, foreground="#00000090")])
    return length


def _wheel(axes: Axes, height: int, width: int) -> None:
    """Draw the colour wheel, small, in a corner: which colour is which direction."""
    side = 0.26 * min(height, width)
    inset = axes.inset_axes((width - side * 1.12, height - side * 1.12, side, side), transform=axes.transData)
    y, x = np.mgrid[-1:1:161j, -1:1:161j]
    disc = flow_wheel(np.stack([x, y], -1), 1.0)
    radius = np.hypot(x, y)
    alpha = np.clip((1 - radius) * 80, 0, 1)
    inset.imshow(np.dstack([disc, (255 * alpha).astype(np.uint8)]), extent=(-1, 1, 1, -1))
    inset.add_artist(Circle((0, 0), 0.99, fill=False, color="#444444", linewidth=0.8))
    inset.set_axis_off()
