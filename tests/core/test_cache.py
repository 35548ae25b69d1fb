"""The store of what can be made again: whatever happens to its folder, it serves what was put there or nothing."""

import logging
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

from davsn.core import cache
from davsn.core.cache import Store, default_folder, identity

KEY = identity("frame", 1)


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "kept", 10**6)


def files(store):
    return [path for path in store.folder.rglob("*") if path.is_file()]


def test_what_was_put_is_got(store):
    assert store.get(KEY) is None
    assert store.used() == 0
    for content in (b"first", b"", b"second" * 1000):
        assert store.put(KEY, content)
        assert store.get(KEY) == Store(store.folder, 1).get(KEY) == content
        assert store.used() == len(content) + 4
    assert len(files(store)) == 1


def test_keys_are_those_of_equal_parts(tmp_path):
    assert identity("a", 1, (2, None), {"x": 1, "y": 2}) == identity("a", 1, [2, None], {"y": 2, "x": 1})
    different = [(), ("a",), ("a", "a"), (["a", "a"],), ("aa",), (1,), (1.5,), ("1",), (True,), (None,), ({"a": 1},)]
    assert len({identity(*parts) for parts in different}) == len(different)
    assert identity(tmp_path / "x") == identity(str(tmp_path / "x"))
    with pytest.raises(TypeError):
        identity(object())


@pytest.mark.parametrize(
    "harm",
    [
        lambda content: content[:-1],
        lambda content: content + b"x",
        lambda content: b"",
        lambda content: content[:3],
        lambda content: bytes(len(content)),
        lambda content: content[:20] + bytes([content[20] ^ 1]) + content[21:],
        lambda content: bytes([content[0] ^ 128]) + content[1:],
    ],
)
def test_a_damaged_entry_is_none_and_is_dropped(store, harm):
    store.put(KEY, b"some content of a frame")
    (file,) = files(store)
    file.write_bytes(harm(file.read_bytes()))
    assert store.get(KEY) is None
    assert not files(store)
    assert store.put(KEY, b"new")
    assert store.get(KEY) == b"new"


def test_an_entry_under_the_name_of_another_is_none(store):
    store.put(KEY, b"mine")
    other = identity("frame", 2)
    (file,) = files(store)
    place = store.folder / other[:2] / other[2:]
    place.parent.mkdir(exist_ok=True)
    shutil.copy(file, place)
    assert store.get(other) is None
    assert store.get(KEY) == b"mine"


def test_the_limit_is_kept_and_told_once(store, caplog):
    kept = [store.put(identity(number), bytes(9_996)) for number in range(150)]
    assert kept == [True] * 100 + [False] * 50
    assert store.used() == 10**6
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage() == (
        f"{store.folder}: the cache is full. Cached entries are still used; everything else is computed again each "
        "time. Raise cache_limit (now 0.001 GB), set cache_folder to a disk with more space, or delete the folder if "
        "its entries are old"
    )
    assert store.get(identity(99)) == bytes(9_996)  # nothing was evicted
    assert store.get(identity(100)) is None
    assert not Store(store.folder, 10**6).put(identity(100), bytes(9_996))
    assert Store(store.folder, 2 * 10**6).put(identity(100), bytes(9_996))


def test_many_writers_keep_the_limit_without_a_lock(tmp_path):
    writers = [Store(tmp_path, 10**6) for _ in range(32)]
    for number in range(200):
        for writer, store in enumerate(writers):
            store.put(identity(writer, number), bytes(996))
    used = writers[0].used()
    assert 10**6 - 1000 < used <= 10**6 + 32 * 1000


def test_the_folder_is_looked_through_rarely(store, monkeypatch):
    looks = []
    monkeypatch.setattr(Store, "used", lambda store, used=Store.used: looks.append(0) or used(store))
    assert all(store.put(identity(number), bytes(496)) for number in range(1500))
    assert len(looks) < 60
    looks.clear()
    assert all(store.get(identity(number)) is not None for number in range(1500))
    assert not looks


def test_some_of_the_disk_is_left_free(store, monkeypatch, caplog):
    usage = shutil.disk_usage(store.folder.parent)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=cache.SPARE + 10_000))
    assert store.put(KEY, bytes(9_000))
    assert not Store(store.folder, 10**6).put(identity("next"), bytes(11_000))
    assert "the cache is full" in caplog.text


def test_a_folder_that_cannot_be_written_to_is_told_once(tmp_path, caplog):
    (tmp_path / "kept").write_text("a file is in the way")
    store = Store(tmp_path / "kept", 10**6)
    assert not store.put(KEY, b"content")
    assert not store.put(KEY, b"content")
    assert store.get(KEY) is None
    (record,) = caplog.records
    assert "could not be written (" in record.getMessage()


def test_the_folder_may_be_deleted_at_any_time(store):
    for number in range(20):
        assert store.put(identity(number), bytes(996))
        if number % 3 == 0:
            shutil.rmtree(store.folder)
            assert store.get(identity(number)) is None
    assert store.get(identity(19)) == bytes(996)


def test_a_folder_deleted_while_an_entry_is_written_costs_that_entry_alone(store, monkeypatch, caplog):
    replace = os.replace

    def deleted_first(*names):
        shutil.rmtree(store.folder)
        replace(*names)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", deleted_first)
        assert not store.put(KEY, b"content")
    assert store.put(KEY, b"content")
    assert not caplog.records


def test_a_killed_writer_leaves_nothing_that_counts(tmp_path):
    script = (
        "import sys; from pathlib import Path; from davsn.core.cache import Store, identity\n"
        "store = Store(Path(sys.argv[1]), 10**9)\n"
        "for number in range(10**6): store.put(identity(number % 50), bytes([number % 256]) * 300_000)"
    )
    for pause in (0.05, 0.07, 0.11):
        process = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)])
        while not any(tmp_path.rglob("*")):
            time.sleep(0.01)
        time.sleep(pause)
        process.send_signal(signal.SIGKILL)
        process.wait()
        store = Store(tmp_path, 10**9)
        found = [content for content in map(store.get, map(identity, range(50))) if content is not None]
        assert found
        assert all(len(content) == 300_000 and len(set(content)) == 1 for content in found)


def test_what_a_killed_writer_left_is_deleted_when_it_is_old(store):
    store.put(KEY, b"content")
    left, young = (store.folder / KEY[:2] / f".{pid}.writing" for pid in (1, 2))
    theirs = store.folder / "pictures" / ".a.writing"  # of somebody who keeps other files in this folder
    theirs.parent.mkdir()
    for file in (left, young, theirs):
        file.write_bytes(bytes(100))
    for file in (left, theirs):
        os.utime(file, (0, 0))
    assert store.used() == 4 + len(b"content") + 100
    assert (left.exists(), young.exists(), theirs.exists()) == (False, True, True)


def test_where_the_folder_is_unless_told(monkeypatch, tmp_path):
    for name in ("DAVSN_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_folder() == tmp_path / ".cache" / "davsn"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    assert default_folder() == tmp_path / "caches" / "davsn"
    monkeypatch.setenv("DAVSN_CACHE", str(tmp_path / "here"))
    assert default_folder() == tmp_path / "here"
