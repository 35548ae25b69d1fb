"""FlowNet2, its parts and its operations against the numbers of NVIDIA's code (tests/golden/data/flownet2)."""

import hashlib
from collections import Counter
from functools import lru_cache

import numpy as np
import pytest
import torch
from vectors import checksum, files, fill, label, load, meta, noise

from davsn.flow.estimators.flownet2 import networks, stacks
from davsn.flow.estimators.flownet2.networks import FlowNetC, FlowNetFusion, FlowNetS
from davsn.flow.estimators.flownet2.ops import channel_norm, correlation
from davsn.flow.estimators.flownet2.stacks import build, estimate
from davsn.ops.warp import warp

PARTS = {path: vectors for path in files("flownet2/*.npz") for vectors in [load(path)] if "model" in meta(vectors)}
SLOW = 10**8
"""More weights than this take seconds to fill."""
GAIN = {
    "flownets_1.predict_flow2.": 0.125,
    "flownets_2.predict_flow2.": 0.125,
    "flownets_d.predict_flow2.": 16.0,
    "flownetfusion.predict_flow0.": 0.5,
}
FUNCTIONS = {
    "warp": ["resample1#1", "resample2#1", "resample4#1", "resample3#1"],
    "channel_norm": [f"channelnorm#{call}" for call in range(1, 7)],
}
"""The recording's names for the calls of functions, in our order."""
STAGES = {
    "flow": "flow",
    "out": "out",
    "c_flow2": "flownetc#1",
    "s1_flow2": "flownets_1#1",
    "s2_flow2": "flownets_2#1",
    "sd_flow2": "flownets_d#1",
}


def close(ours, recorded, tolerance=1e-4):
    recorded = torch.from_numpy(np.asarray(recorded))
    assert ours.shape == recorded.shape
    assert (ours - recorded).abs().max() <= tolerance * max(1.0, float(recorded.abs().max()))


def operation(name):
    """A test of all recordings of an operation."""
    return pytest.mark.parametrize("path", files(f"flownet2/op_{name}*.npz"), ids=label)


def cases(path):
    """All arrays of an operation's recording, and what each case's names begin with, in the order of the numbers."""
    vectors = load(path)
    names = [key.removesuffix("_out") for key in vectors if key.endswith("_out")]
    assert names
    return vectors, sorted(names, key=lambda name: int(name[1:]))


@operation("correlation")
def test_correlation(path):
    vectors, names = cases(path)
    for name, case in zip(names, meta(vectors)["cases"], strict=True):
        a, b = torch.from_numpy(vectors[f"{name}_a"]), torch.from_numpy(vectors[f"{name}_b"])
        radius = case["max_displacement"] // case["stride2"]
        close(correlation(a, b, radius, case["stride2"]), vectors[f"{name}_out"], 1e-5)


@operation("resample2d")
def test_resampling_is_the_warp_of_the_project(path):
    vectors, names = cases(path)
    for name in names:
        image, flow = torch.from_numpy(vectors[f"{name}_img"]), torch.from_numpy(vectors[f"{name}_flow"])
        close(warp(image, flow)[0], vectors[f"{name}_out"], 1e-5)


@operation("channelnorm")
def test_channel_norm(path):
    vectors, names = cases(path)
    for name in names:
        close(channel_norm(torch.from_numpy(vectors[f"{name}_x"])), vectors[f"{name}_out"], 1e-5)


@lru_cache(1)
def network(path):
    """The network of a recording with its weights."""
    described = meta(PARTS[path])
    model, batch_norm = described["model"], described["options"].get("batchNorm", False)
    if model == "FlowNetS12":
        made = FlowNetS(12)
    elif model == "FlowNetFusion":
        made = FlowNetFusion()
    else:
        made = build(model.removeprefix("FlowNet2").lower() or "full", batch_norm, faithful=True)
    state = made.state_dict()
    values = weights({key: tuple(tensor.shape) for key, tensor in state.items()}, described["seed"])
    if described["highpass"]:
        values = highpass(values)
    assert len(state) == described["entries"]
    assert sum(parameter.numel() for parameter in made.parameters()) == described["parameters"]
    assert digest(values) == described["sha256"]
    made.load_state_dict({key: torch.from_numpy(np.asarray(value)) for key, value in values.items()}, assign=True)
    return made.eval().requires_grad_(False)


def weights(shapes, seed):
    values = fill(shapes, seed)
    for name, value in values.items():
        if len(shapes.get(f"{name.rpartition('.')[0]}.weight", ())) == 4:
            strong = any(part in name for part in ("conv3.0.", "conv6.0.", "conv6_1.0."))
            gain = 4.0 if strong else next((gain for stem, gain in GAIN.items() if name.startswith(stem)), 1.0)
            values[name] = value * np.float32(gain)
    return values


def highpass(values):
    """Weights of C that make some of the correlation negative."""
    changed = dict(values)
    for name in ("conv2.0.weight", "conv3.0.weight"):
        exact = values[name].astype(np.float64)
        taps = exact.reshape(*exact.shape[:2], -1)
        total = np.zeros(exact.shape[:2])
        for tap in range(taps.shape[2]):  # in this order, since the hash of the result is compared
            total = total + taps[:, :, tap]
        changed[name] = (exact - (total / taps.shape[2])[:, :, None, None]).astype(np.float32)
    for name, bias in (("conv1.0.bias", 4.0), ("conv2.0.bias", 4.0), ("conv3.0.bias", 0.0)):
        changed[name] = np.full_like(changed[name], bias)
    return changed


def digest(values):
    content = hashlib.sha256()
    for name in sorted(values):
        content.update(np.ascontiguousarray(values[name]).tobytes())
    return content.hexdigest()


def recorder(made, monkeypatch):
    """Outputs of all modules and functions, and the inputs of a stack's stages, by the recording's names."""
    seen, calls, hooks = {}, Counter(), []
    costs = "corr#1" if isinstance(made, FlowNetC) else "flownetc.corr#1"

    def note(name, value):
        calls[name] += 1
        seen[f"{name}#{calls[name]}"] = value.clone()

    for name, module in made.named_modules():
        if name:
            hooks.append(module.register_forward_hook(lambda _, __, out, name=name: note(name, out)))
            hooks.append(module.register_forward_pre_hook(lambda _, given, name=name: note(f"{name}.input", given[0])))
    for owner, name in ((networks, "correlation"), (stacks, "warp"), (stacks, "channel_norm")):
        true, order = getattr(owner, name), iter(FUNCTIONS.get(name, [costs]))

        def noted(*given, true=true, order=order):
            result = true(*given)
            seen[next(order)] = (result[0] if isinstance(result, tuple) else result).clone()
            return result

        monkeypatch.setattr(owner, name, noted)
    return seen, hooks


def inputs(path, case):
    """Two frames of a picture pair in [0, 1], or the made-up channels of a network alone."""
    described = meta(PARTS[path])
    if "input_names" in described:
        name, shape = (described[key][int(case[1:])] for key in ("input_names", "input_shapes"))
        return (noise(name, shape, described["seed"], described["scale"]),)
    (pictures,) = (pairs[case] for pairs in map(load, path.parent.glob("pairs*.npz")) if case in pairs)
    pair = torch.from_numpy(pictures).permute(1, 0, 4, 2, 3).float() / 255
    return pair[0], pair[1]


def runs():
    for path, vectors in PARTS.items():
        slow = meta(vectors)["parameters"] > SLOW
        for case in dict.fromkeys(key.partition("_")[0] for key in vectors if key != "meta"):
            marks = [pytest.mark.slow] if slow else []
            yield pytest.param(path, case, id=f"{label(path)}-{case}", marks=marks)


def wanted(key, seen):
    """The value of ours that the recording calls so."""
    if key in STAGES:
        return seen[STAGES[key]]
    if key == "s1_input6":
        return seen["flownets_1.input#1"][:1, 6:]
    if key == "fusion_input3":
        return seen["flownetfusion.input#1"][:1, 3:]
    return seen[f"predict_{key}#1"]  # flow2 … flow6


@pytest.mark.parametrize(("path", "case"), list(runs()))
def test_every_recorded_number(path, case, monkeypatch):
    vectors, made = PARTS[path], network(path)
    seen, hooks = recorder(made, monkeypatch)
    given = inputs(path, case)
    try:
        with torch.no_grad():
            seen["flow"] = seen["out"] = estimate(made, *given) if len(given) == 2 else made(*given)
    finally:
        for hook in hooks:
            hook.remove()
    keys = [key for key in vectors if key.startswith(f"{case}_") and not key.endswith(("_ck", "_ck_names"))]
    assert keys
    for key in keys:
        close(wanted(key.partition("_")[2], seen), vectors[key])
    for step, recorded in zip(vectors[f"{case}_ck_names"], vectors[f"{case}_ck"], strict=True):
        ours, scale = checksum(str(step), seen[str(step)].numpy()), 1e-4 * max(1.0, recorded[1])
        assert (np.abs(ours - recorded) <= scale * np.sqrt([seen[str(step)].numel(), 1, seen[str(step)].numel()])).all()
