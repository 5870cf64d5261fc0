"""The demo camera as its viewers see it: real RTSP, real files."""

import base64
import json
import os
import re
import signal
import socket
import statistics
import subprocess
import sys
import urllib.parse
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List

import pytest

ROOT = Path(__file__).resolve().parents[3]
VIEWER = ROOT / "test" / "support" / "viewer.py"
DEADLINE_S = 20

Start = Callable[..., "Camera"]


class Camera:
    """A demo camera in a process of its own, which lives as long as the other end of its stdin."""

    def __init__(self, *arguments: str) -> None:
        environment = dict(os.environ, PYTHONPATH=str(ROOT / "src"), SLIPSTREAM_LIFELINE="stdin")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "dev.camera", *arguments],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def address(self) -> str:
        assert self.process.stdout is not None
        return str(json.loads(self.process.stdout.readline())["address"])

    def stop(self) -> None:
        self.process.kill()
        self.process.communicate(timeout=DEADLINE_S)


@pytest.fixture
def start() -> Iterator[Start]:
    cameras: List[Camera] = []

    def start_one(*arguments: str) -> Camera:
        cameras.append(Camera(*arguments))
        return cameras[-1]

    yield start_one
    for camera in cameras:
        camera.stop()


@pytest.fixture(scope="module")
def short_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Seven frames at 20 a second, each brighter than the one before."""
    path = tmp_path_factory.mktemp("footage") / "short.mp4"
    filters = "color=black:size=160x96:rate=20,format=yuv420p,geq=lum='20+30*N':cb=128:cr=128"
    encode(path, "-f", "lavfi", "-i", filters, "-frames:v", "7", "-c:v", "libx264", "-bf", "0")
    return path


def encode(path: Path, *arguments: str) -> None:
    subprocess.run(["ffmpeg", "-v", "error", *arguments, str(path)], check=True, timeout=DEADLINE_S)


def view(address: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, str(VIEWER), address, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        universal_newlines=True,
        timeout=DEADLINE_S,
    )


def frames(watched: "subprocess.CompletedProcess[str]") -> List[Dict[str, Any]]:
    assert watched.returncode == 0, watched.stderr
    return [json.loads(line) for line in watched.stdout.splitlines()]


@pytest.mark.parametrize("protocol", ["tcp", "udp"])
def test_plays_over_the_loop_seam_without_gap_or_step_in_time(start: Start, short_clip: Path, protocol: str) -> None:
    address = start("--file", str(short_clip)).address()
    seen = frames(view(address, "--protocol", protocol, "--frames", "30", "--rtp-time"))
    steps = [(later["pts"] - earlier["pts"]) / 1e6 for earlier, later in zip(seen, seen[1:])]
    assert steps == pytest.approx([50] * 29, abs=1)
    rising = [later["luma"] > earlier["luma"] for earlier, later in zip(seen, seen[1:])]
    seams = [index for index, rises in enumerate(rising) if not rises]
    assert len(seams) >= 3
    assert all(later - earlier == 7 for earlier, later in zip(seams, seams[1:]))


def test_plays_at_the_rate_of_the_file(start: Start, short_clip: Path) -> None:
    seen = frames(view(start("--file", str(short_clip)).address(), "--frames", "31"))
    # From the eleventh on, past the moment in which the stream starts. The median: a busy machine shows some late.
    steps = [later["t"] - earlier["t"] for earlier, later in zip(seen[10:], seen[11:])]
    assert statistics.median(steps) / 1e6 == pytest.approx(50, abs=15)


def test_plays_the_demo_clip_by_default(start: Start) -> None:
    seen = frames(view(start().address(), "--frames", "3"))
    assert [(frame["width"], frame["height"]) for frame in seen] == [(1280, 720)] * 3


def test_plays_h265_as_it_is(start: Start, tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    source = ["-f", "lavfi", "-i", "testsrc=size=160x96:rate=20,format=yuv420p", "-frames:v", "20"]
    encode(clip, *source, "-c:v", "libx265", "-x265-params", "bframes=0:keyint=10:log-level=none")
    seen = frames(view(start("--file", str(clip)).address(), "--frames", "25"))
    assert seen[0]["width"] == 160


@pytest.mark.parametrize("auth", ["basic", "digest"])
def test_shows_itself_to_those_who_know_the_password(start: Start, short_clip: Path, auth: str) -> None:
    login = ["--user", "eve", "--password", "s3cret"]
    address = start("--file", str(short_clip), "--auth", auth, *login).address()
    assert "s3cret" not in address
    assert len(frames(view(address, "--frames", "2", *login))) == 2
    for wrong in ([], ["--user", "eve", "--password", "guess"], ["--user", "adam", "--password", "s3cret"]):
        refused = view(address, "--frames", "2", *wrong)
        assert refused.returncode == 1
        assert "Unauthorized" in refused.stderr


def test_asks_for_the_password_in_the_way_that_was_chosen(start: Start, short_clip: Path) -> None:
    address = start("--file", str(short_clip), "--user", "eve", "--password", "s3cret", "--auth", "digest").address()
    where = urllib.parse.urlsplit(address)
    basic = base64.b64encode(b"eve:s3cret").decode()
    request = "DESCRIBE %s RTSP/1.0\r\nCSeq: 1\r\nAuthorization: Basic %s\r\n\r\n" % (address, basic)
    with socket.create_connection((where.hostname, where.port), timeout=DEADLINE_S) as connection:
        connection.sendall(request.encode())
        answer = connection.recv(4096).decode()
    assert answer.startswith("RTSP/1.0 401")
    assert re.search(r"WWW-Authenticate: Digest realm=", answer)


def test_later_viewers_join_the_stream_as_it_runs(start: Start, short_clip: Path) -> None:
    address = start("--file", str(short_clip)).address()
    command = [sys.executable, str(VIEWER), address, "--frames", "100"]
    first = subprocess.Popen(command, stdout=subprocess.PIPE)
    try:
        assert first.stdout is not None
        first.stdout.readline()
        second = frames(view(address, "--frames", "20"))
        earlier = [json.loads(line)["luma"] for line in first.stdout]
    finally:
        first.kill()
        first.communicate()
    # The later one sees a part of what the earlier one sees, once it has had a key frame, which is every seventh.
    later = [frame["luma"] for frame in second[7:]]
    assert any(earlier[begin : begin + len(later)] == later for begin in range(len(earlier)))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_ends_on_a_signal_while_somebody_watches(start: Start, short_clip: Path, number: int) -> None:
    camera = start("--file", str(short_clip))
    viewer = subprocess.Popen(
        [sys.executable, str(VIEWER), camera.address()], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        assert viewer.stdout is not None
        viewer.stdout.readline()
        camera.process.send_signal(number)
        assert camera.process.wait(timeout=DEADLINE_S) == 0
    finally:
        viewer.kill()
        viewer.communicate()


def test_ends_with_its_lifeline(start: Start, short_clip: Path) -> None:
    camera = start("--file", str(short_clip))
    camera.address()
    assert camera.process.stdin is not None
    camera.process.stdin.close()
    assert camera.process.wait(timeout=DEADLINE_S) == 0
    camera.process.stdin = None  # communicate() would flush it


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("missing.mp4", "there is no such file"),
        ("text.mp4", "text file"),
        ("b_frames.mp4", "without B frames"),
        ("other_codec.mp4", "no H.264 or H.265 video"),
    ],
)
def test_says_why_a_file_cannot_be_played(start: Start, tmp_path: Path, name: str, reason: str) -> None:
    path = tmp_path / name
    source = ["-f", "lavfi", "-i", "testsrc=size=160x96:rate=20,format=yuv420p", "-frames:v", "20"]
    if name == "text.mp4":
        path.write_text("not a film\n" * 100)
    elif name == "b_frames.mp4":
        encode(path, *source, "-c:v", "libx264", "-bf", "2")
    elif name == "other_codec.mp4":
        encode(path, *source, "-c:v", "mpeg4")
    camera = start("--file", str(path))
    _, errors = camera.process.communicate(timeout=DEADLINE_S)
    assert camera.process.returncode == 1
    assert name in errors.decode()
    assert reason in errors.decode()
    assert len(errors.splitlines()) == 1


def test_says_that_a_port_is_in_use(start: Start, short_clip: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen(1)
        port = taken.getsockname()[1]
        camera = start("--file", str(short_clip), "--port", str(port))
        _, errors = camera.process.communicate(timeout=DEADLINE_S)
    assert camera.process.returncode == 1
    assert "port %d" % port in errors.decode()
