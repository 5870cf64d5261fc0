/** The gRPC client of one sidecar on a Unix socket. */

import { type ClientOptions, credentials, Metadata } from "@grpc/grpc-js";
import type { Desired, PipelineSpec } from "../../common/settings/spec.js";
import { messages, unary } from "./calls.js";
import {
  fromApplyResponse,
  fromCheckResponse,
  fromConnectResponse,
  fromWatchResponse,
  fromWatchVideoResponse,
} from "./from-contract.js";
import {
  type ApplyResponse,
  type CheckResponse,
  type ConnectResponse,
  PipelineClient,
  type ShowZonesResponse,
  type TakePictureResponse,
  type TakeSnapshotResponse,
} from "./gen/slipstream/v1/pipeline.js";
import type {
  ApplyResult,
  CallOptions,
  CameraZones,
  Peer,
  PictureRequest,
  Problem,
  Sidecar,
  WatchRequest,
} from "./sidecar.js";
import type { EncodedFrame, Update } from "./state.js";
import { toDuration, toPipelineSpec, toPolygon } from "./to-contract.js";

const CHANNEL_OPTIONS: ClientOptions = {
  // A subchannel to a peer that accepts and never speaks stays CONNECTING for ever (grpc-node#2785). If it is not
  // shared, it ends with its client.
  "grpc.use_local_subchannel_pool": 1,
  // The defaults go up to 120 s.
  "grpc.initial_reconnect_backoff_ms": 100,
  "grpc.max_reconnect_backoff_ms": 2000,
  "grpc.enable_channelz": 0,
};

/** A client for one run of a sidecar. After a failed or silent sidecar, close it and create a new one. */
export class SidecarClient implements Sidecar {
  readonly #client: PipelineClient;
  readonly #agentVersion: string;

  constructor(options: { readonly socketPath: string; readonly agentVersion: string }) {
    this.#agentVersion = options.agentVersion;
    // File permissions are the authentication. Nothing is opened before the first call.
    this.#client = new PipelineClient(
      `unix://${options.socketPath}`,
      credentials.createInsecure(),
      CHANNEL_OPTIONS,
    );
  }

  async connect(options: CallOptions): Promise<Peer> {
    const request = { agentVersion: this.#agentVersion };
    const response = await unary<ConnectResponse>("Connect", options, (callOptions, done) =>
      this.#client.connect(request, new Metadata(), callOptions, done),
    );
    return fromConnectResponse(response);
  }

  async check(spec: PipelineSpec, options: CallOptions): Promise<readonly Problem[]> {
    const request = { spec: toPipelineSpec(spec) };
    const response = await unary<CheckResponse>("Check", options, (callOptions, done) =>
      this.#client.check(request, new Metadata(), callOptions, done),
    );
    return fromCheckResponse(response);
  }

  async apply({ generation, spec }: Desired, options: CallOptions): Promise<ApplyResult> {
    const request = { generation, spec: toPipelineSpec(spec) };
    const response = await unary<ApplyResponse>("Apply", options, (callOptions, done) =>
      this.#client.apply(request, new Metadata(), callOptions, done),
    );
    return fromApplyResponse(response);
  }

  async *watch(
    { resume, heartbeatMs, detections }: WatchRequest,
    signal: AbortSignal,
  ): AsyncGenerator<Update, void, undefined> {
    const call = this.#client.watch({
      afterSequence: resume?.sequence ?? 0n,
      instanceId: resume?.instanceId ?? "",
      heartbeatInterval: toDuration(heartbeatMs),
      detections,
    });
    for await (const message of messages("Watch", call, signal)) yield fromWatchResponse(message);
  }

  async showZones(zones: readonly CameraZones[], options: CallOptions): Promise<void> {
    const cameras = zones.map(({ cameraId, shapes }) => ({
      cameraId,
      shapes: shapes.map(({ points, text }) => ({ ...toPolygon(points), text })),
    }));
    await unary<ShowZonesResponse>("ShowZones", options, (callOptions, done) =>
      this.#client.showZones({ cameras }, new Metadata(), callOptions, done),
    );
  }

  async takePicture(request: PictureRequest, options: CallOptions): Promise<Uint8Array> {
    const { jpeg } = await unary<TakePictureResponse>("TakePicture", options, (callOptions, done) =>
      this.#client.takePicture({ ...request }, new Metadata(), callOptions, done),
    );
    return jpeg;
  }

  /** The next annotated frame of a stream as JPEG. cameraId: for an output with one stream per camera, else empty. */
  async takeSnapshot(
    outputId: string,
    cameraId: string,
    options: CallOptions,
  ): Promise<Uint8Array> {
    const request = { outputId, cameraId };
    const { jpeg } = await unary<TakeSnapshotResponse>(
      "TakeSnapshot",
      options,
      (callOptions, done) => this.#client.takeSnapshot(request, new Metadata(), callOptions, done),
    );
    return jpeg;
  }

  /** Annotated frames of a stream as JPEG, at most so many a second. Leaving the loop ends the call. */
  async *watchPreview(
    outputId: string,
    cameraId: string,
    maxFrameRate: number,
    signal: AbortSignal,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const call = this.#client.watchPreview({ outputId, cameraId, maxFrameRate });
    for await (const { jpeg } of messages("WatchPreview", call, signal)) yield jpeg;
  }

  /** The encoded frames of a stream, from a key frame on. Leaving the loop ends the call. */
  async *watchVideo(
    outputId: string,
    cameraId: string,
    signal: AbortSignal,
  ): AsyncGenerator<EncodedFrame, void, undefined> {
    const call = this.#client.watchVideo({ outputId, cameraId });
    for await (const message of messages("WatchVideo", call, signal)) {
      yield fromWatchVideoResponse(message);
    }
  }

  /** Closes a camera's connection and opens it again at once. */
  async restartCamera(cameraId: string, options: CallOptions): Promise<void> {
    await unary<object>("RestartCamera", options, (callOptions, done) =>
      this.#client.restartCamera({ cameraId }, new Metadata(), callOptions, done),
    );
  }

  close(): void {
    this.#client.close();
  }
}
