"""What the worker and the outlet say: both ends read what the other writes, and refuse the rest by name."""

import json

import pytest

from sidecar.outlet.protocol import (
    PORT_IN_USE,
    Configuration,
    Failure,
    Mount,
    MountStatus,
    ProtocolError,
    User,
    configure_message,
    configured_message,
    failed_message,
    hold_message,
    parse_configuration,
    parse_failure,
    parse_holds,
    parse_rtp_from,
    parse_rtp_ports,
    parse_statuses,
    parse_texts,
    parse_users,
    status_message,
    text_message,
    users_message,
)


def over_the_wire(message):
    return json.loads(json.dumps(message))


def test_each_end_reads_what_the_other_writes():
    configuration = Configuration(
        8554,
        (Mount("/ds", "H264", 1280, 720), Mount("/ds/front", "H265", 640, 360, "Front door")),
        (User("eve", 'p@ss:w/rd%23 "ü"'),),
    )
    assert parse_users(over_the_wire(users_message(configuration.users))["users"]) == configuration.users
    message = over_the_wire(configure_message(configuration, rtp_from=40007))
    assert parse_configuration(message["configure"]) == configuration
    assert parse_rtp_from(message) == 40007
    texts = {"/ds": "no signal since 12:03:11", "/ds/front": ""}
    assert parse_texts(over_the_wire(text_message(texts))["text"]) == texts
    holds = {"/ds": True, "/ds/front": False}
    assert parse_holds(over_the_wire(hold_message(holds))["hold"]) == holds
    ports = {"/ds": 40123}
    assert parse_rtp_ports(over_the_wire(configured_message(ports))["configured"]) == ports
    failure = Failure(PORT_IN_USE, "RTSP port 8554 is in use")
    assert parse_failure(over_the_wire(failed_message(failure))["failed"]) == failure
    statuses = {"/ds": MountStatus(frames=12, viewers=3, served=True)}
    assert parse_statuses(over_the_wire(status_message(statuses))["status"]) == statuses


MOUNT = {"path": "/ds", "codec": "H264", "width": 640, "height": 360, "title": ""}


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (None, "port: None is not of type int"),
        ([], "port: None is not of type int"),
        ({"port": True, "mounts": []}, "port: True is not of type int"),
        ({"port": 0, "mounts": []}, "port: 0 is not a TCP port"),
        ({"port": 70000, "mounts": []}, "port: 70000 is not a TCP port"),
        ({"port": 8554}, "mounts: None is not of type list"),
        ({"port": 8554, "mounts": [7]}, "path: None is not of type str"),
        ({"port": 8554, "mounts": [dict(MOUNT, path="ds")]}, "path: 'ds' does not begin with a slash"),
        ({"port": 8554, "mounts": [dict(MOUNT, codec="VP8")]}, "codec: 'VP8' is not one of H264, H265"),
        ({"port": 8554, "mounts": [dict(MOUNT, width="640")]}, "width: '640' is not of type int"),
        ({"port": 8554, "mounts": [dict(MOUNT, height=0)]}, "size: 640x0 is no size of a stream"),
        ({"port": 8554, "mounts": [dict(MOUNT, title=None)]}, "title: None is not of type str"),
        ({"port": 8554, "mounts": [MOUNT, MOUNT]}, "path: /ds is used twice"),
        ({"port": 8554, "mounts": [MOUNT]}, "users: not a list"),
        ({"port": 8554, "mounts": [MOUNT], "users": {"eve": "hunter2"}}, "users: not a list"),
        ({"port": 8554, "mounts": [MOUNT], "users": ["eve:hunter2"]}, "users: not all have a username and a password"),
        (
            {"port": 8554, "mounts": [MOUNT], "users": [{"username": "hunter2"}]},
            "users: not all have a username and a password",
        ),
    ],
)
def test_a_configuration_that_cannot_be_is_refused_by_name(body, problem):
    with pytest.raises(ProtocolError) as refusal:
        parse_configuration(body)
    assert str(refusal.value).startswith(problem)
    assert "hunter2" not in str(refusal.value)


@pytest.mark.parametrize("port", [None, "40007", 0, 65536, True])
def test_a_port_of_the_worker_that_is_none_is_refused(port):
    with pytest.raises(ProtocolError, match="rtp_from"):
        parse_rtp_from({"rtp_from": port})


def test_a_password_is_not_shown_with_its_user():
    configuration = Configuration(8554, (), (User("eve", "hunter2"),))
    assert "hunter2" not in repr(configuration) + str(configuration) + "%s" % (configuration.users,)


@pytest.mark.parametrize("body", [None, {"mounts": []}, {"mounts": {"/ds": 7}}])
def test_a_text_that_is_none_is_refused(body):
    with pytest.raises(ProtocolError):
        parse_texts(body)


def test_another_title_is_no_other_stream():
    mount = Mount("/ds", "H264", 640, 360, "Front")
    assert mount.is_same_stream(mount._replace(title="Back"))
    assert not mount.is_same_stream(mount._replace(width=320))
