"""The worker: one gRPC server, one engine, one GLib main loop. The keeper starts it and replaces it."""

import os
import signal
import sys
import uuid
from typing import Any

from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from sidecar import log
from sidecar.contract import pipeline_grpc
from sidecar.gst import Gst
from sidecar.health import SERVICE, frames_flow
from sidecar.heartbeat import beat_on_main_loop
from sidecar.keeper.previous_worker import crash_loop, previous_worker
from sidecar.outlet.protocol import SOCKET_NAME
from sidecar.stack_dump import enable_stack_dump
from sidecar.timer import every, on_signal, once
from sidecar.worker.engines.choose import choose_engine
from sidecar.worker.engines.unavailable import TRY_AGAIN_SECONDS
from sidecar.worker.main_loop import MainLoop
from sidecar.worker.processes import Processes
from sidecar.worker.service.endpoint import GrpcEndpoint
from sidecar.worker.service.pipeline_service import PipelineService
from sidecar.worker.status.events import EventLog
from sidecar.worker.status.store import StatusStore

_HEALTH_MILLISECONDS = 500


def main(
    window_module: str = "sidecar.window", prebuild_module: str = "sidecar.worker.engines.deepstream.prebuild"
) -> int:
    """Returns the exit status. window_module, prebuild_module: what the processes that it starts run."""
    enable_stack_dump()
    log.configure(os.environ.get("LOG_LEVEL", "info"))
    logger = log.Log("worker")
    run_dir = os.environ.get("SLIPSTREAM_RUN_DIR", "/run/slipstream")
    socket = os.path.join(run_dir, "worker.sock")
    Gst.init(None)
    loop = MainLoop()
    instance_id = uuid.uuid4().hex
    store = StatusStore(EventLog())
    processes = Processes(os.path.join(run_dir, SOCKET_NAME), window_module, prebuild_module)
    engine = choose_engine(os.environ, run_dir, processes, store)

    service = PipelineService(engine, store, loop, instance_id, previous_worker(os.environ))
    health_service = health.HealthServicer()
    health_service.set(SERVICE, health_pb2.HealthCheckResponse.NOT_SERVING)

    def add_services(server: Any) -> None:
        pipeline_grpc.add_PipelineServicer_to_server(service, server)  # type: ignore[no-untyped-call]
        health_pb2_grpc.add_HealthServicer_to_server(health_service, server)

    endpoint = GrpcEndpoint(socket, add_services)

    def tell_health() -> None:
        flowing = frames_flow(store.snapshot())
        status = health_pb2.HealthCheckResponse.SERVING if flowing else health_pb2.HealthCheckResponse.NOT_SERVING
        health_service.set(SERVICE, status)

    def stop() -> None:
        loop.quit()
        health_service.enter_graceful_shutdown()

    every(_HEALTH_MILLISECONDS, tell_health)
    for number in (signal.SIGTERM, signal.SIGINT):
        on_signal(number, stop)
    beat_on_main_loop()
    if engine.unavailable is not None:
        logger.error("engine unavailable", detail=engine.unavailable)
        if crash_loop(os.environ) is None:
            # A placeholder is ended by the keeper.
            once(TRY_AGAIN_SECONDS * 1000, stop)
    logger.info("worker started", instance=instance_id, engine=engine.info().engine, socket=socket)
    loop.run()

    engine.stop()
    endpoint.stop()
    logger.info("worker stopped")
    return 0


if __name__ == "__main__":
    sys.exit(main())
