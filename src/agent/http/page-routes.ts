/** The page, what it is updated by, and the live streams that it shows. */

import { readdir, readFile } from "node:fs/promises";
import type { ServerResponse } from "node:http";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { FastifyInstance, FastifyReply } from "fastify";
import { z } from "zod";
import type { Redact } from "../../common/secrets/redact.js";
import { SidecarError } from "../sidecar/calls.js";
import type { Refusal } from "./access.js";
import { idSchema, schemaOf } from "./describe.js";
import { HEADERS, keepOpen, refuse } from "./listener.js";
import type { LiveStreams, StreamName } from "./live-streams.js";
import type { PageUpdates } from "./page-updates.js";

export interface PageOptions {
  readonly updates: PageUpdates;
  readonly streams: LiveStreams;
  /** The output that is shown unless another is asked for. Undefined: there is none yet. */
  readonly firstOutput: () => string | undefined;
}

/** Compiled from src. */
const DIRECTORY = fileURLToPath(new URL("../../", import.meta.url));
/** Beside its own folder, the page imports these of the settings. */
const SHARED = ["common/settings/camera-id.js", "common/settings/polygon.js"];

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".svg": "image/svg+xml",
};

/** The page runs its own scripts alone, and talks to its own agent alone. */
const PAGE_HEADERS = {
  ...HEADERS,
  "Content-Security-Policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "Referrer-Policy": "no-referrer",
};

const RETRY = { "Retry-After": "5" };

/** Which stream is asked for. */
export const streamQuery = schemaOf(
  z.strictObject({
    output: idSchema.optional().describe("Default: the first output."),
    camera: idSchema.optional().describe("Required for an output with one stream per camera."),
  }),
);

export async function addPage(
  app: FastifyInstance,
  options: PageOptions,
  redact: Redact,
): Promise<void> {
  const hidden = { schema: { hide: true } };
  // An answer without an end has no head alone.
  const endless = { ...hidden, exposeHeadRoute: false };
  const files = await readPage();
  const send = (name: string, reply: FastifyReply) => {
    const file = files.get(name);
    if (file === undefined) return reply.callNotFound();
    return reply.headers(PAGE_HEADERS).type(file.type).send(file.content);
  };
  app.get("/", hidden, (_, reply) => send("page/index.html", reply));
  app.get<{ Params: { file: string } }>("/page/:file", hidden, ({ params }, reply) =>
    send(`page/${params.file}`, reply),
  );
  for (const path of SHARED) app.get(`/${path}`, hidden, (_, reply) => send(path, reply));
  app.get("/api/v1/live", endless, (_, reply) => {
    reply.hijack();
    const { raw } = reply;
    const start = () => begin(raw, "text/event-stream");
    if (!options.updates.add(raw, start)) refuse(raw, unavailable("too many pages are open"));
  });
  for (const kind of ["video", "preview"] as const) {
    app.get<{ Querystring: { output?: string; camera?: string } }>(
      `/api/v1/${kind}`,
      { ...endless, schema: { hide: true, querystring: streamQuery } },
      ({ query }, reply) => {
        reply.hijack();
        const output = query.output ?? options.firstOutput();
        if (output === undefined) refuse(reply.raw, unavailable("there is no output yet"));
        else {
          const name = { kind, output, camera: query.camera ?? "" };
          watch(options.streams, name, reply.raw, redact);
        }
      },
    );
  }
}

function watch(
  streams: LiveStreams,
  name: StreamName,
  response: ServerResponse,
  redact: Redact,
): void {
  const hasRoom = streams.watch(name, {
    response,
    start: () => begin(response, "application/octet-stream"),
    refuse: (error) => {
      const code = error instanceof SidecarError ? error.code : undefined;
      const isUnknown = code === "NOT_FOUND" || code === "INVALID_ARGUMENT";
      const why = error instanceof SidecarError ? error.details : "the stream has ended";
      refuse(response, { status: isUnknown ? 404 : 503, error: redact(why), headers: RETRY });
    },
  });
  if (!hasRoom) refuse(response, unavailable("too many browsers show live streams"));
}

/** Begins an answer without an end. */
function begin(response: ServerResponse, type: string): void {
  keepOpen(response);
  response.writeHead(200, { ...HEADERS, "Content-Type": type });
  response.flushHeaders();
}

function unavailable(error: string): Refusal {
  return { status: 503, error, headers: RETRY };
}

async function readPage() {
  const names = (await readdir(join(DIRECTORY, "page"))).map((name) => `page/${name}`);
  const files = [...names, ...SHARED].flatMap((name) => {
    const type = TYPES[extname(name)];
    return type === undefined ? [] : [{ name, type }];
  });
  const read = files.map(async ({ name, type }) => {
    const content = await readFile(join(DIRECTORY, name));
    return [name, { type, content }] as const;
  });
  return new Map(await Promise.all(read));
}
