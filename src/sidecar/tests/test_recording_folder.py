"""The directory of recordings: nothing is overwritten, and nothing outside is touched."""

import os

import pytest

from sidecar.worker.outputs.recording.folder import Folder, NoRoomError, reserved
from sidecar.worker.outputs.recording.names import stem


@pytest.fixture
def root(tmp_path):
    return str(tmp_path / "recordings")


def begin(folder, camera_id=""):
    file = folder.begin(camera_id, room=0)
    os.write(file.descriptor, b"recording")
    os.close(file.descriptor)
    return file


def test_directories_are_made_as_they_are_needed(root):
    folder = Folder(root, stem("north/gate/yard.mkv"))
    assert folder.problem() is None
    assert not os.path.exists(root)
    file = begin(folder)
    assert os.path.dirname(file.path) == os.path.join(root, "north", "gate")
    assert os.listdir(os.path.dirname(file.path)) == [file.name]


def test_every_file_is_a_new_one(root):
    folder = Folder(root, stem("yard.mkv"))
    files = [begin(folder) for _ in range(3)]
    assert len({file.path for file in files}) == 3
    assert all(os.path.getsize(file.path) == len(b"recording") for file in files)


def test_a_symbolic_link_does_not_lead_outside(root, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    os.mkdir(root)
    os.symlink(str(outside), os.path.join(root, "north"))
    folder = Folder(root, stem("north/yard.mkv"))
    assert "north is a symbolic link or no directory" in folder.problem()
    with pytest.raises(OSError, match="symbolic link or no directory"):
        begin(folder)
    assert os.listdir(str(outside)) == []


def test_a_file_in_place_of_a_directory_is_told(root):
    with open(root, "w"):
        pass
    folder = Folder(root, stem("yard.mkv"))
    assert folder.problem() == "%s cannot be written to" % root
    with pytest.raises(OSError, match="recordings"):
        begin(folder)


def test_the_oldest_files_make_room_for_the_newest(root):
    folder = Folder(root, stem("yard.mkv"))
    files = [begin(folder) for _ in range(3)]
    with open(os.path.join(root, "notes.txt"), "w") as other:
        other.write("a" * 1000)
    folder.tidy(2 * len(b"recording"), "")
    assert sorted(os.listdir(root)) == sorted(["notes.txt", files[1].name, files[2].name])
    folder.tidy(0, "")
    assert len(os.listdir(root)) == 3


def test_without_room_no_file_is_begun(root):
    folder = Folder(root, stem("yard.mkv"))
    with pytest.raises(NoRoomError, match="make room"):
        folder.begin("", room=1 << 60)
    assert os.listdir(root) == []


def test_a_twentieth_of_the_disk_and_at_most_a_gigabyte_is_left_to_others():
    assert reserved(1 << 30) == (1 << 30) // 20
    assert reserved(1 << 50) == 1 << 30
