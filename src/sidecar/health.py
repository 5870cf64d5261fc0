"""Docker's health check of the sidecar: python -m sidecar.health. Exit status 0: frames flow.

It asks the worker's gRPC health service. SLIPSTREAM_RUN_DIR: directory of the sockets. Default /run/slipstream.
"""

import os
import sys

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from sidecar.contract import state

SERVICE = "slipstream.v1.Pipeline"
_SECONDS = 5


def frames_flow(whole: state.State) -> bool:
    """A camera is live and a stream is served; or every camera is outside its hours, so that none should flow."""
    cameras = {camera.WhichOneof("state") for camera in whole.cameras}
    if cameras == {"off"}:
        return True
    return "live" in cameras and any(output.WhichOneof("state") == "serving" for output in whole.outputs)


def main() -> int:
    path = os.path.join(os.environ.get("SLIPSTREAM_RUN_DIR", "/run/slipstream"), "worker.sock")
    channel = grpc.insecure_channel("unix:" + path)
    try:
        request = health_pb2.HealthCheckRequest(service=SERVICE)
        status = health_pb2_grpc.HealthStub(channel).Check(request, timeout=_SECONDS).status
    except grpc.RpcError as error:
        print("the worker does not answer: %s" % error.code().name)
        return 1
    finally:
        channel.close()
    flows = status == health_pb2.HealthCheckResponse.SERVING
    # Docker keeps the last lines: docker inspect shows them.
    print("frames flow" if flows else "frames do not flow; the agent's log and slipstream status say why")
    return 0 if flows else 1


if __name__ == "__main__":
    sys.exit(main())
