"""Prints the state of a sidecar as JSON, in the names of the contract.

python test/support/state.py /run/slipstream/worker.sock
"""

import sys

import grpc
from google.protobuf import json_format

from sidecar.contract import pipeline, pipeline_grpc

_TIMEOUT_SECONDS = 10


def main() -> int:
    with grpc.insecure_channel("unix:" + sys.argv[1]) as channel:
        stub = pipeline_grpc.PipelineStub(channel)
        for message in stub.Watch(pipeline.WatchRequest(), timeout=_TIMEOUT_SECONDS, wait_for_ready=True):
            print(json_format.MessageToJson(message.state, always_print_fields_with_no_presence=True, indent=None))
            return 0
    return 1


if __name__ == "__main__":
    sys.exit(main())
