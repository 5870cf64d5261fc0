"""A file is replaced as a whole, whatever somebody else has put in its place."""

import os
import threading

import pytest

from sidecar.json_file import read_json, write_json

DEADLINE_SECONDS = 30


def write(path, value):
    """In a thread, which may wait for ever."""
    told = []

    def run():
        try:
            write_json(path, value, 0o640)
            told.append("written")
        except OSError as why:
            told.append(type(why).__name__)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(DEADLINE_SECONDS)
    assert told, "it waits"
    return told[0]


@pytest.mark.parametrize("name", ["file.json", "file.json.new"])
@pytest.mark.parametrize("kind", ["link", "hard link", "FIFO"])
def test_what_others_have_put_there_is_replaced_and_never_opened(tmp_path, name, kind):
    victim = tmp_path / "victim"
    victim.write_text("mine")
    place = str(tmp_path / name)
    if kind == "link":
        os.symlink(str(victim), place)
    elif kind == "hard link":
        os.link(str(victim), place)
    else:
        os.mkfifo(place)
    path = str(tmp_path / "file.json")
    assert write(path, {"a": 1}) == "written"
    assert victim.read_text() == "mine"
    assert os.stat(str(victim)).st_mode & 0o777 != 0o640
    assert read_json(path, 100) == {"a": 1}
    assert os.lstat(path).st_mode & 0o777 == 0o640


def test_a_directory_in_its_place_is_an_error(tmp_path):
    (tmp_path / "file.json.new").mkdir()
    assert write(str(tmp_path / "file.json"), 1) in ("IsADirectoryError", "PermissionError")
