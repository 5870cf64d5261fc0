"""Model bundles: the shipped ones load, and no bad content makes load_bundle() raise."""

import os
import shutil
import socket
import struct

import pytest

from sidecar.tests.inference_footage import MODELS
from sidecar.worker.inference.bundle import load_bundle
from sidecar.worker.inference.decoders import DecoderError, SsdDecoder


@pytest.fixture
def bundle(tmp_path):
    """A copy of the shipped SSD bundle that a test may spoil."""
    return shutil.copytree(os.path.join(MODELS, "ssd-street"), str(tmp_path / "bundle"))


def write(bundle, name, content):
    with open(os.path.join(bundle, name), "wb") as file:
        file.write(content)


def edit(bundle, old, new):
    path = os.path.join(bundle, "config_infer.txt")
    with open(path, encoding="utf-8") as file:
        text = file.read()
    assert old in text
    write(bundle, "config_infer.txt", text.replace(old, new).encode("utf-8"))


# Where the configuration names a file.
PLACES = {
    "config_infer.txt": "config_infer.txt",
    "network.onnx": "config_infer.txt:14",
    "labels.txt": "config_infer.txt:15",
    "anchors.npy": "config_infer.txt:28",
}


def refused(bundle, name="config_infer.txt"):
    """The code and path of the one error, whose message or path names the file."""
    loaded, problems = load_bundle(str(bundle))
    assert loaded is None
    (error,) = [one for one in problems if one.severity == "error"]
    assert error.message
    assert "\n" not in error.message
    assert name in error.message or name == error.path or name == "config_infer.txt"
    return error.code, error.path


@pytest.mark.parametrize(
    ("name", "classes", "first", "last"),
    [("nanodet-coco", 80, "person", "toothbrush"), ("ssd-street", 23, "Bicycle", "Car")],
)
def test_the_shipped_bundles_load_without_error(name, classes, first, last):
    loaded, problems = load_bundle(os.path.join(MODELS, name))
    assert loaded is not None
    assert [one.code for one in problems] == ["config-no-meaning"]
    assert (len(loaded.labels), loaded.labels[0], loaded.labels[-1]) == (classes, first, last)
    assert os.path.isabs(loaded.config.network_path)


def test_a_missing_directory_is_told(tmp_path):
    assert refused(tmp_path / "none") == ("file-missing", str(tmp_path / "none"))


def test_a_file_in_place_of_the_directory_is_told(bundle):
    path = os.path.join(bundle, "labels.txt")
    assert refused(path) == ("file-missing", path)


def test_a_missing_configuration_is_told(tmp_path):
    assert refused(tmp_path) == ("file-missing", "config_infer.txt")


def test_a_directory_in_place_of_the_configuration_is_told(tmp_path):
    (tmp_path / "config_infer.txt").mkdir()
    assert refused(tmp_path) == ("file-unreadable", "config_infer.txt")


def test_a_binary_configuration_is_told(bundle):
    write(bundle, "config_infer.txt", b"\x89PNG\r\n\x1a\n\xff\xfe")
    loaded, problems = load_bundle(bundle)
    assert loaded is None
    assert [one.code for one in problems] == ["config-syntax"] * 3 + ["missing-key"]


@pytest.mark.parametrize("name", ["network.onnx", "labels.txt", "anchors.npy"])
def test_a_missing_file_is_told(bundle, name):
    os.remove(os.path.join(bundle, name))
    assert refused(bundle, name) == ("file-missing", PLACES[name])


@pytest.mark.parametrize(("name", "code"), [("network.onnx", "network-unreadable"), ("anchors.npy", "file-empty")])
def test_an_empty_file_is_told(bundle, name, code):
    write(bundle, name, b"")
    assert refused(bundle, name) == (code, PLACES[name])


def test_a_path_outside_the_bundle_is_told_in_full(bundle):
    edit(bundle, "network.onnx", "/nowhere/network.onnx")
    assert refused(bundle, "/nowhere/network.onnx") == ("file-missing", "config_infer.txt:14")


def test_labels_that_do_not_match_the_classes_are_told_and_the_others_are_numbered(bundle):
    edit(bundle, "num-detected-classes=23", "num-detected-classes=24")
    loaded, problems = load_bundle(bundle)
    assert loaded.labels[22:] == ("Car", "class 23")
    assert (problems[-1].code, problems[-1].severity) == ("labels-mismatch", "warning")
    assert "has 23 labels, num-detected-classes is 24" in problems[-1].message


def test_labels_that_are_not_utf8_are_told(bundle):
    write(bundle, "labels.txt", "V\u00e9lo\n".encode("latin-1") * 23)
    assert refused(bundle, "labels.txt") == ("not-text", "config_infer.txt:15")


def test_a_blank_line_is_no_label_for_nvinfer_and_none_here(bundle):
    write(bundle, "labels.txt", b"one\n\n  \ntwo;second name\n" + b"more\n" * 21)
    loaded, problems = load_bundle(bundle)
    assert loaded.labels[:3] == ("one", "two", "more")
    assert [one.code for one in problems] == ["config-no-meaning"]


def test_a_bundle_without_labels_has_numbers_for_names(bundle):
    edit(bundle, "labelfile-path=labels.txt", "")
    loaded, problems = load_bundle(bundle)
    assert loaded.labels[0] == "class 0"
    assert ("warning", "labels-missing") in [(one.severity, one.code) for one in problems]


def test_labels_may_have_windows_line_ends_a_mark_and_no_end_of_line(bundle):
    write(bundle, "labels.txt", b"\xef\xbb\xbf" + b"\r\n".join(b"label %d" % number for number in range(23)))
    loaded, _ = load_bundle(bundle)
    assert loaded is not None
    assert loaded.labels[0] == "label 0"


def test_faults_of_several_files_are_told_at_once(bundle):
    os.remove(os.path.join(bundle, "network.onnx"))
    os.remove(os.path.join(bundle, "anchors.npy"))
    write(bundle, "labels.txt", b"one\n")
    _, problems = load_bundle(bundle)
    found = [one.code for one in problems if one.severity != "notice"]
    assert sorted(found) == ["file-missing", "file-missing", "labels-mismatch"]


def replace(bundle, name):
    """The path of a file of the bundle, which is no more."""
    path = os.path.join(bundle, name)
    os.remove(path)
    return path


ALL_FILES = ("config_infer.txt", "network.onnx", "labels.txt", "anchors.npy")


@pytest.mark.parametrize("name", ALL_FILES)
def test_a_file_that_leads_out_of_the_bundle_is_refused_and_not_read(bundle, name):
    os.symlink("/dev/zero", replace(bundle, name))
    assert refused(bundle, name) == ("file-outside", PLACES[name])


def test_a_path_that_leads_out_of_the_bundle_is_refused(bundle, tmp_path):
    (tmp_path / "labels.txt").write_text("car\n" * 23)
    edit(bundle, "labelfile-path=labels.txt", "labelfile-path=../labels.txt")
    assert refused(bundle, os.path.join("..", "labels.txt")) == ("file-outside", PLACES["labels.txt"])


def test_a_link_within_the_bundle_is_followed_and_so_is_one_to_the_bundle(bundle, tmp_path):
    os.rename(os.path.join(bundle, "labels.txt"), os.path.join(bundle, "names.txt"))
    os.symlink("names.txt", os.path.join(bundle, "labels.txt"))
    os.symlink(bundle, str(tmp_path / "link"))
    for directory in (bundle, str(tmp_path / "link")):
        assert load_bundle(directory)[0] is not None


@pytest.mark.parametrize("name", ALL_FILES)
def test_a_named_pipe_is_refused_and_not_waited_for(bundle, name):
    os.mkfifo(replace(bundle, name))
    assert refused(bundle, name) == ("file-unreadable", PLACES[name])


@pytest.mark.parametrize("name", ALL_FILES)
def test_a_socket_is_refused(bundle, name, monkeypatch):
    # Relative, because the path of a socket is short.
    monkeypatch.chdir(bundle)
    os.remove(name)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(name)
    assert refused(bundle, name) == ("file-unreadable", PLACES[name])


@pytest.mark.parametrize("name", ALL_FILES)
def test_a_file_that_is_too_large_is_refused_before_it_is_read(bundle, name):
    # Sparse: it takes no disk.
    os.truncate(os.path.join(bundle, name), 1 << 40)
    assert refused(bundle, name) == ("file-too-large", PLACES[name])


@pytest.mark.parametrize(
    "content",
    [b"PK\x03\x04 and no archive", b"\x80\x04 a pickle", b"\x93NUMPY", b"\x93NUMPY\x01\x00\xff\xff{"],
)
def test_anchors_in_another_format_are_refused_by_name(bundle, content):
    write(bundle, "anchors.npy", content)
    with pytest.raises(DecoderError, match=r"anchors\.npy cannot be read"):
        SsdDecoder(bundle, 23, 300, 300)


def test_anchors_that_claim_to_be_larger_than_their_file_are_refused_by_name(bundle):
    header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (4000000000000, 4)}"
    write(bundle, "anchors.npy", b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header)
    with pytest.raises(DecoderError, match=r"anchors\.npy cannot be read"):
        SsdDecoder(bundle, 23, 300, 300)
