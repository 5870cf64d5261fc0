"""The contract in Python: the one place that imports generated code."""

from slipstream.v1 import detection_pb2 as detection
from slipstream.v1 import pipeline_pb2 as pipeline
from slipstream.v1 import pipeline_pb2_grpc as pipeline_grpc
from slipstream.v1 import spec_pb2 as spec
from slipstream.v1 import state_pb2 as state

__all__ = ["detection", "pipeline", "pipeline_grpc", "spec", "state"]
