/** What the agent serves over HTTP: health, metrics and the API, described by their schemas. */

import swagger from "@fastify/swagger";
import Fastify, { type FastifyInstance } from "fastify";
import { z } from "zod";
import {
  type ApiHistory,
  cameraSchema,
  errorSchema,
  healthSchema,
  historySchema,
  modelSchema,
  outputSchema,
  readinessSchema,
  stateSchema,
  trialsSchema,
} from "../../common/api/schema.js";
import { type Redact, redactDeep } from "../../common/secrets/redact.js";
import type { NodeSettings } from "../control/node-settings.js";
import { SidecarError } from "../sidecar/calls.js";
import { type ActionOptions, addActions } from "./actions.js";
import { described, fail, idSchema, json, schemaOf } from "./describe.js";
import type { HttpFacts } from "./facts.js";
import { HEADERS } from "./listener.js";
import type { OwnUsage } from "./metrics.js";
import { addPage, type PageOptions, streamQuery } from "./page-routes.js";
import { readinessOf } from "./readiness.js";
import { addSettings } from "./settings-routes.js";
import { cameraViews, modelView, outputViews, stateView, trialsView } from "./views.js";

export interface AppOptions {
  readonly page: PageOptions;
  readonly actions: ActionOptions;
  readonly nodeSettings: NodeSettings;
  readonly facts: () => HttpFacts;
  readonly history: () => ApiHistory;
  readonly usage: () => OwnUsage;
  /** Seconds since this process started. */
  readonly uptimeSeconds: () => number;
  readonly redact: Redact;
  /** The JPEG of a picture of an event; undefined: there is none, or no longer. */
  readonly picture: (id: string) => Promise<Uint8Array | undefined>;
  /** The next frame of a stream as JPEG. Throws SidecarError, or the signal's reason once that is aborted. */
  readonly snapshot: (output: string, camera: string, signal: AbortSignal) => Promise<Uint8Array>;
}

/** At a time: the worker serves twelve of these calls, and others need some of them. */
const MOST_SNAPSHOTS = 2;

/** Percent-encoded; the schemas bound what it stands for. */
const LONGEST_PARAMETER = 4096;

export async function createApp(options: AppOptions): Promise<FastifyInstance> {
  const app = Fastify({
    ajv: { customOptions: { removeAdditional: false, coerceTypes: false } },
    // The listener has bounded and refused everything else before.
    routerOptions: { maxParamLength: LONGEST_PARAMETER },
  });
  await app.register(swagger, { openapi: DESCRIPTION });
  const { redact } = options;
  // Answers are typed by the schemas that describe them.
  app.setSerializerCompiler(() => (answer) => JSON.stringify(redactDeep(answer, redact)));
  app.addHook("onRequest", (_, reply, done) => {
    void reply.headers(HEADERS);
    done();
  });
  app.setNotFoundHandler((_, reply) =>
    fail(reply, 404, "there is nothing here; see /api/v1/openapi.json"),
  );
  app.setErrorHandler((error: Error & { statusCode?: number }, _, reply) => {
    const status = error.statusCode ?? 500;
    // What goes wrong in here is nobody else's business.
    return fail(reply, status, status < 500 ? error.message : "the agent failed to answer");
  });
  addOperation(app, options);
  addApi(app, options);
  addActions(app, options.actions);
  await addSettings(app, options.nodeSettings);
  await addPage(app, options.page, redact);
  await app.ready();
  return app;
}

const DESCRIPTION = {
  openapi: "3.1.0",
  info: {
    title: "Slipstream",
    description:
      "State of a node: cameras, outputs, model and trials, and what a person can do about it.",
    version: "1",
  },
  components: { securitySchemes: { login: { type: "http" as const, scheme: "basic" } } },
  security: [{}, { login: [] }],
};

/** For whoever runs the machine: Docker, Prometheus. */
function addOperation(app: FastifyInstance, { facts, usage, uptimeSeconds }: AppOptions): void {
  app.get(
    "/healthz",
    described("health", "This process answers.", { 200: json(healthSchema) }),
    () => ({ status: "ok", version: facts().version, uptimeSeconds: uptimeSeconds() }),
  );
  app.get(
    "/readyz",
    described("readiness", "Whether frames flow for every camera that should be live.", {
      200: json(readinessSchema),
      503: json(readinessSchema),
    }),
    (_, reply) => {
      const readiness = readinessOf(facts());
      return reply.code(readiness.ready ? 200 : 503).send(readiness);
    },
  );
  app.get(
    "/metrics",
    described("metrics", "Metrics in the text format of Prometheus.", {
      200: {
        description: "The metrics.",
        content: { "text/plain": { schema: { type: "string" } } },
      },
    }),
    async (_, reply) => {
      // Loaded by those who ask for it.
      const { CONTENT_TYPE, metricFamilies, metricsText } = await import("./metrics.js");
      const text = await metricsText(metricFamilies(facts(), usage()));
      return reply.type(CONTENT_TYPE).send(text);
    },
  );
}

function addApi(app: FastifyInstance, options: AppOptions): void {
  const { facts, history, picture, snapshot, redact } = options;
  app.get(
    "/api/v1/state",
    described("state", "Everything at one moment.", { 200: json(stateSchema) }),
    () => stateView(facts()),
  );
  app.get(
    "/api/v1/cameras",
    described("cameras", "All cameras, in the order of the tiles.", {
      200: json(z.array(cameraSchema).describe("The cameras.")),
    }),
    () => cameraViews(facts()),
  );
  app.get<{ Params: { id: string } }>(
    "/api/v1/cameras/:id",
    described(
      "camera",
      "One camera.",
      { 200: json(cameraSchema), 404: json(errorSchema) },
      { params: schemaOf(z.object({ id: idSchema })) },
    ),
    (request, reply) => {
      const camera = cameraViews(facts()).find((one) => one.id === request.params.id);
      return camera ?? fail(reply, 404, "there is no such camera; see /api/v1/cameras");
    },
  );
  app.get(
    "/api/v1/outputs",
    described("outputs", "All streams of all outputs.", {
      200: json(z.array(outputSchema).describe("The streams.")),
    }),
    () => outputViews(facts()),
  );
  app.get(
    "/api/v1/model",
    described("model", "The model that runs, on trial and last good.", { 200: json(modelSchema) }),
    () => modelView(facts()),
  );
  app.get(
    "/api/v1/trials",
    described("trials", "What is on trial, what passed and what failed.", {
      200: json(trialsSchema),
    }),
    () => trialsView(facts()),
  );
  app.get(
    "/api/v1/history",
    described("history", "The last hour of each camera.", { 200: json(historySchema) }),
    (_, reply) => {
      const { cameras, ...rest } = history();
      // Only the ids are texts: to look at every number of an hour takes too long for what pages ask for all the time.
      const named = Object.entries(cameras).map(([id, samples]) => [redact(id), samples]);
      const text = JSON.stringify({ ...rest, cameras: Object.fromEntries(named) });
      return reply.type("application/json; charset=utf-8").send(text);
    },
  );
  let snapshots = 0;
  app.get<{ Querystring: { output?: string; camera?: string } }>(
    "/api/v1/snapshot",
    described(
      "snapshot",
      "The next annotated frame of a stream as JPEG.",
      {
        200: JPEG,
        404: json(errorSchema),
        503: json(errorSchema),
      },
      { querystring: streamQuery },
    ),
    async (request, reply) => {
      const { camera = "" } = request.query;
      const output = request.query.output ?? facts().state?.outputs[0]?.id;
      if (output === undefined) return fail(reply, 503, "there is no output yet");
      if (snapshots >= MOST_SNAPSHOTS) {
        return fail(reply.header("Retry-After", "1"), 503, "too many snapshots at a time");
      }
      const left = new AbortController();
      reply.raw.once("close", () => left.abort());
      snapshots++;
      try {
        const jpeg = await snapshot(output, camera, left.signal);
        return await reply.type("image/jpeg").send(Buffer.from(jpeg));
      } catch (error) {
        if (!(error instanceof SidecarError)) throw error;
        const isUnknown = error.code === "NOT_FOUND" || error.code === "INVALID_ARGUMENT";
        return fail(reply, isUnknown ? 404 : 503, error.details);
      } finally {
        snapshots--;
      }
    },
  );
  app.get<{ Params: { id: string } }>(
    "/api/v1/pictures/:id",
    described(
      "picture",
      "The picture of an event, which its data name, as JPEG.",
      { 200: JPEG, 404: json(errorSchema) },
      { params: schemaOf(z.object({ id: idSchema })) },
    ),
    async (request, reply) => {
      const jpeg = await picture(request.params.id);
      if (jpeg === undefined) return fail(reply, 404, "there is no such picture, or no longer");
      return reply.type("image/jpeg").send(Buffer.from(jpeg));
    },
  );
  app.get("/api/v1/openapi.json", { schema: { hide: true } }, () => app.swagger());
}

const JPEG = {
  description: "The frame.",
  content: { "image/jpeg": { schema: { type: "string", format: "binary" } } },
};
