"""davsn: adapt a video segmentation network from labelled video to unlabelled video.

    import davsn

    model = davsn.load("runs/adapt")
    for result in model.segment("drive.mp4"):
        result.mask, result.time, result.overlay()

Every command of the command line is a function here; see docs/python.md. Names are imported when they are first used,
so ``import davsn`` is fast.
"""

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

try:
    __version__ = version("davsn")
except PackageNotFoundError:  # a copy of the source on Python's path, as on a rented GPU
    __version__ = "0+source"

if TYPE_CHECKING:
    from davsn.api.adapting import adapt as adapt
    from davsn.api.checking import check as check
    from davsn.api.comparing import compare as compare
    from davsn.api.demo import demo as demo
    from davsn.api.evaluation import evaluate as evaluate
    from davsn.api.evaluation import evaluate_checkpoints as evaluate_checkpoints
    from davsn.api.evaluation import evaluate_sets as evaluate_sets
    from davsn.api.export import export as export
    from davsn.api.flow import compute_flow as compute_flow
    from davsn.api.flow import convert_flow as convert_flow
    from davsn.api.flow_measure import measure_flow as measure_flow
    from davsn.api.flow_show import show_flow as show_flow
    from davsn.api.importing import import_labels as import_labels
    from davsn.api.listing import available as available
    from davsn.api.listing import describe_method as describe_method
    from davsn.api.model import Model as Model
    from davsn.api.model import Result as Result
    from davsn.api.model import load as load
    from davsn.api.predicting import predict as predict
    from davsn.api.report import write_report as write_report
    from davsn.api.streets import write_streets as write_streets
    from davsn.api.submitting import submit as submit
    from davsn.api.sweeping import sweep as sweep
    from davsn.api.training import TrainedRun as TrainedRun
    from davsn.api.training import train as train
    from davsn.api.watching import watch as watch
    from davsn.core.errors import DavsnError as DavsnError
    from davsn.data.dataset import VideoDataset as VideoDataset
    from davsn.flow.estimator import FlowEstimator as FlowEstimator
    from davsn.learning.method import Method as Method
    from davsn.networks.image_network import ImageNetwork as ImageNetwork
    from davsn.scoring.metric import Metric as Metric

_PLACES = {
    "api.adapting": ("adapt",),
    "api.checking": ("check",),
    "api.comparing": ("compare",),
    "api.demo": ("demo",),
    "api.evaluation": ("evaluate", "evaluate_checkpoints", "evaluate_sets"),
    "api.export": ("export",),
    "api.flow": ("compute_flow", "convert_flow"),
    "api.flow_measure": ("measure_flow",),
    "api.flow_show": ("show_flow",),
    "api.importing": ("import_labels",),
    "api.listing": ("available", "describe_method"),
    "api.model": ("Model", "Result", "load"),
    "api.predicting": ("predict",),
    "api.report": ("write_report",),
    "api.streets": ("write_streets",),
    "api.submitting": ("submit",),
    "api.sweeping": ("sweep",),
    "api.training": ("TrainedRun", "train"),
    "api.watching": ("watch",),
    "core.errors": ("DavsnError",),
    "data.dataset": ("VideoDataset",),
    "flow.estimator": ("FlowEstimator",),
    "learning.method": ("Method",),
    "networks.image_network": ("ImageNetwork",),
    "scoring.metric": ("Metric",),
}
_PLACE = {name: place for place, names in _PLACES.items() for name in names}
__all__ = ["__version__", *sorted(_PLACE)]


def __getattr__(name: str) -> Any:
    if name not in _PLACE:
        raise AttributeError(f"module 'davsn' has no attribute '{name}'")
    return getattr(import_module(f"davsn.{_PLACE[name]}"), name)


def __dir__() -> list[str]:
    return __all__
