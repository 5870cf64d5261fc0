"""Prints what the sidecar's processes cost while they have nothing to do, and what hiding logins does, as JSON."""

import json
import os
import tempfile
import time
from pathlib import Path

from sidecar.log import redact
from sidecar.tests.outlet_rig import H264, Rig, until
from sidecar.tests.test_keeper_process import BEATING, KeeperProcess
from sidecar.tests.test_keeper_stderr_tail import PARTS

_SECONDS = 5.0


def _cpu_percent(pid: int) -> float:
    """Of one core, over some seconds from now."""
    before = _cpu_seconds(pid)
    began = time.monotonic()
    time.sleep(_SECONDS)
    return 100 * (_cpu_seconds(pid) - before) / (time.monotonic() - began)


def _cpu_seconds(pid: int) -> float:
    fields = Path("/proc/%d/stat" % pid).read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def keeper() -> float:
    """Of a keeper whose two children do nothing but beat twice a second."""
    quiet = BEATING.replace("0.1", "0.5")
    one = KeeperProcess([["a", quiet], ["b", quiet]], heartbeat=5.0)
    try:
        for _ in range(2):
            one.next("child started")
        return _cpu_percent(one.process.pid)
    finally:
        one.process.kill()
        one.process.wait()


def outlet() -> float:
    """Of an outlet whose only viewer has gone: nobody sends, and nobody watches."""
    with tempfile.TemporaryDirectory() as directory:
        rig = Rig(Path(directory))
        try:
            rig.configure(H264)
            viewer = rig.watch(H264)
            until(lambda: viewer.frames >= 2, "the standby picture")
            viewer.stop()
            until(lambda: rig.viewers() == 0, "no viewer")
            return _cpu_percent(rig.process.pid)
        finally:
            rig.close()


def redaction() -> float:
    """Milliseconds of CPU to hide the logins of a hostile text of 100 kB, of the worst one."""
    spent = []
    for part in PARTS:
        text = "rtsp://" + part * (100000 // len(part))
        began = time.process_time()
        redact(text)
        spent.append(time.process_time() - began)
    return max(spent) * 1000


def main() -> None:
    print(json.dumps({"keeperPercent": keeper(), "outletPercent": outlet(), "redactMs": redaction()}))


if __name__ == "__main__":
    main()
