"""``davsn flow``: its commands, one file each."""

from cyclopts import App

from davsn.cli.flow_convert import convert_
from davsn.cli.flow_measure import measure_
from davsn.cli.flow_show import show_

flow_ = App(
    name="flow",
    help="""Convert, look at and measure optical flow.

Try:

    davsn flow show frame_0002.png frame_0001.png -o flow.png

    davsn flow measure streets flow=exact clips=2

    davsn flow convert flow/ kitti/ --to kitti
""",
)
flow_.command(convert_, name="convert")
flow_.command(show_, name="show")
flow_.command(measure_, name="measure")
