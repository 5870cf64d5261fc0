"""Addresses that are not quite addresses are told before anything is sent."""

import pytest

from sidecar.contract import state
from sidecar.tests.rtsp_doubles import ScriptedCamera, answered
from sidecar.tests.test_cpu_camera import is_lost, watch
from sidecar.worker.cameras.addresses import address_problem

__all__ = ["watch"]


@pytest.mark.parametrize(
    "uri",
    [
        "rtsp://10.0.0.2/a",
        "rtsp://10.0.0.2",
        "rtsp://255.249.199.99",
        "rtsp://2nd-floor.local./a",
        "rtsps://cam.local:322/a?b=c&d=e#f",
        "rtsp://user:p%40ss@10.0.0.2:554/Streaming/Channels/101",
        "rtsp://user:@10.0.0.2/",
        "rtsp://user@10.0.0.2/",
        "rtsp://user:p:ss@10.0.0.2/",
        "rtsp://[fd00::2]/a",
        "rtsp://[fd00::2]:8554/a",
        "rtsp://10.0.0.2/user=a_password=b_channel=1_stream=0.sdp?real_stream",
        "rtsp://10.0.0.2/caf%C3%A9/mail@home",
        "rtsp://10.0.0.2/a:b/{c}|d",
        "file:///a b.mp4",
        "/dev/video0",
        "test://ball",
    ],
)
def test_an_address_is_taken_as_it_is(uri):
    assert address_problem(uri) == ""


@pytest.mark.parametrize(
    ("uri", "told"),
    [
        ("rtsp://10.0.0.2/a b", "blank"),
        (" rtsp://10.0.0.2/a", ""),
        ("rtsp://10.0.0.2/a ", "blank"),
        ("rtsp://10.0.0.2/a\n", "blank"),
        ("rtsp://10.0.0.2/a\x00", "control"),
        ("rtsp://10.0.0.2\\a", "control"),
        ("rtsp://10.0.0.2:/a", "port"),
        ("rtsp://10.0.0.2:55x/a", "port"),
        ("rtsp://10.0.0.2:0/a", "port"),
        ("rtsp://10.0.0.2:70000/a", "port"),
        ("rtsp://10.0.0.2:٥٥٤/a", "port"),
        ("rtsp://kamera-s\xfcd/a", "ASCII"),
        ("rtsp://u:p@10.0.0.256/a", "four numbers"),
        ("rtsp://10.0.0/a", "four numbers"),
        ("rtsp://10.0.0.2.3:554/a", "four numbers"),
        ("rtsp:///a", "host"),
        ("rtsp://:554/a", "host"),
        ("rtsp://u:p@/a", "host"),
        ("rtsp://fd00::2/a", "brackets"),
        ("rtsp://[fd00::2/a", "IPv6"),
        ("rtsp://u:p@ss@10.0.0.2/a", "login"),
        ("rtsp://u:p/ss@10.0.0.2/a", "login"),
        ("rtsp://u:p#ss@10.0.0.2/a", "login"),
        ("rtsp://u:p?ss@10.0.0.2/a", "login"),
        ("rtsp://u:100%@10.0.0.2/a", "login"),
    ],
)
def test_what_is_wrong_is_told(uri, told):
    assert told in address_problem(uri)
    assert bool(address_problem(uri)) == bool(told)


def test_nothing_is_sent_to_an_address_that_is_none(watch):
    double = ScriptedCamera(lambda method, cseq, request: answered(cseq))
    one = watch(uri="rtsp://admin:hunt@er2@127.0.0.1:%d/x" % double.port)
    one.until(is_lost(one))
    assert one.status().lost.reason == state.CAMERA_LOST_REASON_ADDRESS
    assert "hunt" not in one.status().lost.detail
    assert double.connections == 0
    double.stop()
