/** What a person can do from the page or with the API: everything that changes something. access.ts names these routes too. */

import type { FastifyInstance } from "fastify";
import { z } from "zod";
import {
  type ApiCameraTest,
  cameraTestSchema,
  doneSchema,
  errorSchema,
} from "../../common/api/schema.js";
import { testCamera } from "../../common/cameras/test-camera.js";
import { readCameraUri } from "../../common/settings/camera-uri.js";
import { SidecarError } from "../sidecar/calls.js";
import { described, fail, idSchema, json, schemaOf } from "./describe.js";

export interface ActionOptions {
  /** Throws SidecarError. */
  readonly restartCamera: (id: string, signal: AbortSignal) => Promise<void>;
  /** Returns whether something is on trial that can be decided so. */
  readonly decideTrial: (decision: "confirmed" | "taken back") => boolean;
}

const TEST_SECONDS = 10;
/** At a time. */
const MOST_TESTS = 2;

/** Also a result of a test. */
function refusedAddress(cure: string): ApiCameraTest {
  const detail = "this is no address that can be tested";
  const finding = { code: "camera-address", severity: "error" as const, detail, cure };
  return { address: "", streams: [], findings: [finding] };
}

const DONE = { done: true } as const;
/** Of bodies that are too long, or no JSON. */
const BODY_REFUSALS = { 413: json(errorSchema), 415: json(errorSchema) };
const nothing = schemaOf(z.strictObject({}));

export function addActions(app: FastifyInstance, options: ActionOptions): void {
  app.post<{ Params: { id: string } }>(
    "/api/v1/cameras/:id/restart",
    described(
      "restartCamera",
      "Closes a camera's connection and opens it again at once.",
      { ...BODY_REFUSALS, 200: json(doneSchema), 404: json(errorSchema), 503: json(errorSchema) },
      { params: schemaOf(z.object({ id: idSchema })), body: nothing },
    ),
    async (request, reply) => {
      const left = new AbortController();
      reply.raw.once("close", () => left.abort());
      try {
        await options.restartCamera(request.params.id, left.signal);
        return DONE;
      } catch (error) {
        if (!(error instanceof SidecarError)) throw error;
        return fail(reply, error.code === "NOT_FOUND" ? 404 : 503, error.details);
      }
    },
  );
  for (const [name, decision, summary] of [
    ["confirm", "confirmed", "The candidate that is watched has passed its trial."],
    [
      "take-back",
      "taken back",
      "The candidate on trial has failed. The last good one runs again; or the candidate, if there is none or if a version of " +
        "the service was on trial.",
    ],
  ] as const) {
    app.post(
      `/api/v1/trials/${name}`,
      described(
        `${name === "confirm" ? "confirm" : "takeBack"}Trial`,
        summary,
        { ...BODY_REFUSALS, 200: json(doneSchema), 409: json(errorSchema) },
        { body: nothing },
      ),
      (_, reply) =>
        options.decideTrial(decision)
          ? reply.send(DONE)
          : fail(reply, 409, `nothing is on trial that can be ${decision} now`),
    );
  }
  let tests = 0;
  app.post<{ Body: { address: string; acceptAnyCertificate?: boolean } }>(
    "/api/v1/camera-tests",
    described(
      "testCamera",
      "Asks a camera what it offers, without playing it.",
      { ...BODY_REFUSALS, 200: json(cameraTestSchema), 503: json(errorSchema) },
      {
        body: schemaOf(
          z.strictObject({
            address: z
              .string()
              .max(2048)
              .describe("rtsp://[user:password@]host[:port]/path, or rtsps://"),
            acceptAnyCertificate: z.boolean().optional().describe("Of an rtsps:// camera."),
          }),
        ),
      },
    ),
    async ({ body: { address, acceptAnyCertificate = false } }, reply) => {
      const camera = readCameraUri(address);
      if (camera.t === "refused" || !/^rtsps?:/.test(camera.uri)) {
        return refusedAddress("use rtsp://[user:password@]host[:port]/path, or rtsps://");
      }
      const { uri, credentials } = camera;
      if (credentials !== undefined && "secret" in credentials) {
        return refusedAddress("a login by name cannot be tested; write user:password@ here");
      }
      if (tests >= MOST_TESTS) return fail(reply, 503, "too many cameras are tested at a time");
      tests++;
      try {
        const tested = await testCamera({ uri, credentials, acceptAnyCertificate }, TEST_SECONDS);
        const { probe, findings } = tested;
        const streams = probe.t === "answers" ? probe.streams : [];
        return { address: tested.address, streams, findings };
      } finally {
        tests--;
      }
    },
  );
}
