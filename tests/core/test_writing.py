import pytest

from davsn.core.errors import DataError
from davsn.core.files.writing import replacing


def test_the_file_appears_whole(tmp_path):
    with replacing(tmp_path / "new" / "page.html") as temporary:
        temporary.write_text("text")
        assert temporary.suffix == ".html"
        assert not (tmp_path / "new" / "page.html").exists()
    assert (tmp_path / "new" / "page.html").read_text() == "text"
    assert len(list((tmp_path / "new").iterdir())) == 1


@pytest.mark.parametrize("failure", [ValueError, KeyboardInterrupt])
def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path, failure):
    (tmp_path / "page.html").write_text("old")

    def write():
        with replacing(tmp_path / "page.html") as temporary:
            temporary.write_text("ne")
            raise failure

    with pytest.raises(failure):
        write()
    assert (tmp_path / "page.html").read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_full_disk_is_told(tmp_path):
    with pytest.raises(DataError, match=r"page\.html: could not be written .No space left") as caught:
        with replacing(tmp_path / "page.html"):
            raise OSError(28, "No space left on device")
    assert "Free some space" in str(caught.value)
