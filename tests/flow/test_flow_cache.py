"""Flow on disk: exact to its precision, small, never another frame's or estimator's, whole after a kill."""

import os
import signal
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from davsn.core.cache import Store
from davsn.core.errors import FlowError
from davsn.data.images import read_picture
from davsn.data.samples import as_arrays, pictures
from davsn.data.sets.streets import Config, Streets
from davsn.flow.cache import FlowCache
from davsn.flow.estimators.dis import Dis
from davsn.flow.files.coding import STEPS, decode, encode, rounded
from davsn.flow.files.io import read_flow
from davsn.flow.setting import FlowSetting
from processes import Script

SHARED = Path(os.environ.get("DAVSN_SHARED", Path(__file__).parents[3] / "shared"))
PROCITY = SHARED / "data" / "flow_gt" / "procity"


def setting_of(value="dis"):
    return FlowSetting.model_validate(value)


def cache_of(folder, value="dis", limit=10**7, **options):
    return FlowCache(setting_of(value), Store(folder, limit), **options)


def frame(seed, size=(20, 30)):
    return np.random.default_rng(seed).integers(0, 256, (*size, 3), np.uint8)


def flow_of(seed, size=(20, 30), scale=5.0):
    return (np.random.default_rng(seed).standard_normal((*size, 2)) * scale).astype(np.float32)


@settings(deadline=None)
@given(
    st.integers(1, 12),
    st.integers(1, 12),
    st.sampled_from([0.0, 0.3, 40.0, 600.0, 1e6]),
    st.booleans(),
    st.integers(0, 99),
)
def test_what_is_read_is_what_was_written_to_a_64th_of_a_pixel(height, width, scale, masked, seed):
    flow = flow_of(seed, (height, width), scale)
    mask = np.random.default_rng(seed).random((height, width)) < 0.5 if masked else None
    found, valid = decode(encode(flow, mask), (height, width))
    assert np.array_equal(found, rounded(flow))
    assert found.dtype == np.float32
    assert np.abs(found.astype(np.float64) - flow).max() <= 0.5 / STEPS + np.spacing(np.float32(np.abs(flow).max()))
    assert (valid is None) if mask is None else np.array_equal(valid, mask)


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e9])
def test_what_is_no_motion_is_not_kept(value, tmp_path):
    flow = flow_of(0)
    flow[3, 4, 1] = value
    with pytest.raises(FlowError, match=r"holds values that are not finite or too large\. Choose another estimator"):
        cache_of(tmp_path).put(frame(0), frame(1), flow, None)


def test_damaged_bytes_are_no_flow_and_allocate_no_more_than_the_size_needs():
    content = encode(flow_of(0), np.ones((20, 30), bool))
    assert decode(content, (20, 31)) is None
    assert decode(content[:-1], (20, 30)) is None
    assert decode(b"", (20, 30)) is None
    assert decode(bytes([7]) + content[1:], (20, 30)) is None
    bomb = content[:2] + __import__("zlib").compress(bytes(1 << 26))
    tracemalloc.start()
    assert decode(bomb, (20, 30)) is None
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 1 << 20  # 64 MiB are not inflated
    generator = np.random.default_rng(0)
    for _ in range(300):
        changed = bytearray(content)
        changed[int(generator.integers(len(changed)))] ^= int(generator.integers(1, 256))
        found = decode(bytes(changed), (20, 30))
        assert found is None or found[0].shape == (20, 30, 2)


def motions(name):
    """Flow of one kind, as it would be kept."""
    if name.startswith("streets"):
        world = Streets(Config(clips=2, length=6))
        frames = [(world.read_frame(clip, 3), world.read_frame(clip, 2)) for clip in range(2)]
        exact = [world.read_flow(clip, 3, 2)[0] for clip in range(2)]
    else:
        if not PROCITY.is_dir():
            pytest.skip(f"{PROCITY} is not there; set DAVSN_SHARED")
        files = [sorted((clip / "rgb").iterdir())[:2] for clip in sorted(PROCITY.iterdir())]
        frames = [tuple(map(read_picture, pair)) for pair in files]
        exact = [read_flow(sorted((clip / "flow").iterdir())[0])[0] for clip in sorted(PROCITY.iterdir())]
    if name.endswith("exact"):
        return exact
    a, b = (pictures([pair[side] for pair in frames]) for side in (0, 1))
    return [flow for flow, _ in as_arrays(Dis(Dis.Config()).estimate(a, b), None)]


@pytest.mark.parametrize("name", ["streets exact", "streets dis", "procity exact", "procity dis"])
def test_flow_takes_at_most_a_third_of_the_published_files(name):
    kept = [(len(encode(flow, None)), 2 * flow.size) for flow in motions(name)]  # int16: two bytes a component
    assert sum(size for size, _ in kept) <= 0.35 * sum(published for _, published in kept)


@pytest.mark.slow
def test_an_entry_is_read_again_by_another_process_with_its_mask(tmp_path):
    mask = np.random.default_rng(0).random((20, 30)) < 0.5
    (flow, valid), kept = cache_of(tmp_path, "dis, checked").put(frame(0), frame(1), flow_of(0), mask)
    assert kept
    code = (
        "import sys, numpy as np\nfrom pathlib import Path\n"
        "from davsn.core.cache import Store\nfrom davsn.flow.cache import FlowCache\n"
        "from davsn.flow.setting import FlowSetting\n"
        "frame = lambda seed: np.random.default_rng(seed).integers(0, 256, (20, 30, 3), np.uint8)\n"
        "cache = FlowCache(FlowSetting.model_validate('dis, checked'), Store(Path(sys.argv[1]), 10**7))\n"
        "np.savez(sys.argv[2], *cache.get(frame(0), frame(1)))\n"
    )
    assert Script(tmp_path, code, tmp_path, tmp_path / "read.npz").finish().code == 0
    read = np.load(tmp_path / "read.npz")
    assert np.array_equal(read["arr_0"], flow)
    assert np.array_equal(read["arr_1"], valid)
    assert np.array_equal(valid, mask)


def test_other_frames_direction_estimator_options_weights_and_checks_are_other_entries(tmp_path):
    a, b, cache = frame(0), frame(1), cache_of(tmp_path)
    cache.put(a, b, flow_of(0), None)
    changed = a.copy()
    changed[7, 7, 1] ^= 1
    assert cache.get(a, b) is not None
    assert cache.get(b, a) is None
    assert cache.get(changed, b) is None
    assert cache.get(a[:, ::-1], b[:, ::-1]) is None
    assert cache.get(a.reshape(30, 20, 3), b.reshape(30, 20, 3)) is None
    for other in ("zero", "dis, checked", {"name": "dis", "preset": "fast"}):
        assert cache_of(tmp_path, other).get(a, b) is None
    assert cache_of(tmp_path, identity="dis {} weights 0123").get(a, b) is None
    assert cache_of(tmp_path, "dis, cached").get(a, b) is not None


def test_an_entry_that_says_something_else_is_not_used(tmp_path):
    """As when two facts should have one key, or somebody moves files about: what the entry says of itself counts."""
    a, b, cache = frame(0), frame(1), cache_of(tmp_path)
    cache.put(a, b, flow_of(0), None)
    (file,) = [path for path in tmp_path.rglob("*") if path.is_file()]
    content = Store(tmp_path, 10**7).get(file.parent.name + file.name)
    assert b'"estimator": "dis ' in content
    assert b'"size": "30x20"' in content
    assert b'"unit": "1/64 pixel"' in content
    foreign = content.replace(b'"estimator": "dis ', b'"estimator": "div ')
    Store(tmp_path, 10**7).put(file.parent.name + file.name, foreign)
    assert cache.get(a, b) is None


def test_a_damaged_entry_is_absent_and_made_again(tmp_path):
    a, b, cache = frame(0), frame(1), cache_of(tmp_path)
    cache.put(a, b, flow_of(0), None)
    (file,) = [path for path in tmp_path.rglob("*") if path.is_file()]
    content = bytearray(file.read_bytes())
    content[-3] ^= 1
    file.write_bytes(content)
    assert cache.get(a, b) is None
    cache.put(a, b, flow_of(0), None)
    assert np.array_equal(cache.get(a, b)[0], rounded(flow_of(0)))


def test_a_full_cache_says_so_once_and_flow_is_the_same_without_it(tmp_path, caplog):
    cache = cache_of(tmp_path, limit=6000)
    results = [cache.put(frame(0), frame(n), flow_of(n), None) for n in range(1, 9)]
    kept = [kept for _, kept in results]
    assert kept[0]
    assert not kept[-1]
    assert all(np.array_equal(flow, rounded(flow_of(n))) for n, ((flow, _), _) in enumerate(results, 1))
    (record,) = caplog.records
    assert "the cache is full" in record.getMessage()
    assert "cache_limit" in record.getMessage()


WRITER = """
import sys
from pathlib import Path
import numpy as np
from davsn.core.cache import Store
from davsn.flow.cache import FlowCache
from davsn.flow.setting import FlowSetting

def frame(seed):
    return np.random.default_rng(seed).integers(0, 256, (20, 30, 3), np.uint8)

def flow_of(seed):
    return (np.random.default_rng(seed).standard_normal((20, 30, 2)) * 5.0).astype(np.float32)

cache = FlowCache(FlowSetting.model_validate("dis"), Store(Path(sys.argv[1]), 10**8))
for _ in range(int(sys.argv[2])):
    for seed in range(40):
        cache.put(frame(seed), frame(seed + 1), flow_of(seed), None)
        print(seed, flush=True)
"""


@pytest.mark.slow
def test_two_writers_and_one_killed_in_the_middle_leave_only_whole_entries(tmp_path):
    killed, other = (Script(tmp_path, WRITER, tmp_path / "cache", rounds) for rounds in (10_000, 3))
    while killed.lines() < 55:  # in its second round, over entries that the other one writes as well
        assert killed.poll() is None
        time.sleep(0.001)
    killed.send_signal(signal.SIGKILL)
    assert killed.finish().code == -signal.SIGKILL
    assert other.finish().code == 0
    cache = cache_of(tmp_path / "cache")
    for seed in range(40):
        assert np.array_equal(cache.get(frame(seed), frame(seed + 1))[0], rounded(flow_of(seed)))


def test_the_estimators_identity_is_not_asked_for_where_it_is_known(tmp_path, monkeypatch):
    cache = cache_of(tmp_path)
    cache.put(frame(0), frame(1), flow_of(0), None)
    monkeypatch.setattr(FlowSetting, "build", lambda setting: pytest.fail("loads weights for nothing"))
    assert cache_of(tmp_path, identity=cache.identity).get(frame(0), frame(1)) is not None
