/** What the agent's API answers. The OpenAPI description is made from these schemas, and the command line reads by them. */

import { z } from "zod";

const time = z.iso.datetime().describe("ISO 8601, UTC.");
const count = z.int().min(0);

/** Why something does not work, and when it is tried again. */
const failure = {
  reason: z.string().optional().describe("Stable word for programs, as in docs/operations.md."),
  detail: z.string().optional().describe("One line: what, where, what to do. Holds no secret."),
  nextAttempt: time.optional().describe("Absent: there is no further attempt by itself."),
};

export const CAMERA_STATES = ["connecting", "live", "lost", "off", "unknown"] as const;
export const OUTPUT_STATES = ["waiting", "serving", "failed", "unknown"] as const;
export const PIPELINE_STATES = ["idle", "loading", "running", "failed", "unknown"] as const;
export const TRIAL_STATES = [
  "none",
  "checking",
  "self-testing",
  "watching",
  "passed",
  "failed",
] as const;

export const cameraSchema = z
  .object({
    id: z.string(),
    state: z.enum(CAMERA_STATES),
    since: time.optional(),
    ...failure,
    until: time.optional().describe("When a camera that is off is due to be on again."),
    encoding: z.string().optional().describe("As the camera names it: H264, H265, JPEG."),
    width: count.optional(),
    height: count.optional(),
    frameRate: z.number().describe("Frames a second that left detection, over the last seconds."),
    framesReceived: count.describe("Decoded frames."),
    framesDropped: count.describe("Dropped before inference because a newer frame was waiting."),
    framesInferred: count,
    lastFrame: time.optional().describe("Absent: no frame yet."),
    reconnections: count.describe("Since the agent started."),
  })
  .describe("One camera of the active specification.");

export const outputSchema = z
  .object({
    id: z.string(),
    camera: z.string().optional().describe("Absent: a tiled stream of all cameras."),
    state: z.enum(OUTPUT_STATES),
    ...failure,
    port: count.optional().describe("Of an RTSP output."),
    path: z.string().optional().describe("Of an RTSP output, or the file of a recording."),
    viewers: count,
    frames: count.describe("Encoded frames handed to the output."),
    framesDropped: count.describe("Dropped because encoder, disk or display was busy."),
  })
  .describe("One stream of an output.");

export const modelSchema = z
  .object({
    active: z.string().optional().describe("NAME@VERSION, or a directory. Absent: none yet."),
    candidate: z.string().optional().describe("On trial; absent: none is."),
    lastGood: z.string().optional(),
  })
  .describe("The model that runs, the one on trial, and the last good one.");

const revision = z.object({
  settings: z.string().optional().describe("Generation of the specification without secrets."),
  model: z.string().optional(),
});

const faults = z.array(z.object({ code: z.string(), detail: z.string() }));

export const trialsSchema = z
  .object({
    state: z.enum(TRIAL_STATES),
    active: revision.optional(),
    candidate: revision.optional().describe("What is judged, or was judged last."),
    lastGood: revision.extend({ at: z.string() }).optional(),
    faults: faults.describe("Why the candidate has failed."),
    failed: z
      .array(revision.extend({ at: z.string(), faults }))
      .describe("Not tried again until they change, the newest first."),
    passedVersions: z.array(z.string()),
    failedVersions: z.array(z.object({ version: z.string(), at: z.string(), faults })),
  })
  .describe("What is on trial, what passed and what failed on this node.");

export const readinessSchema = z
  .object({
    ready: z.boolean().describe("Frames flow for every camera that should be live."),
    reasons: z
      .array(z.object({ subject: z.string(), reason: z.string() }))
      .describe("What does not work, and why. Empty: everything works."),
  })
  .describe("Whether frames flow.");

export const healthSchema = z
  .object({ status: z.literal("ok"), version: z.string(), uptimeSeconds: z.number() })
  .describe("This process answers.");

export const stateSchema = z
  .object({
    time,
    version: z.string().describe("Of the agent."),
    sidecar: z
      .object({
        connected: z.boolean(),
        version: z.string().optional(),
        engine: z.string().optional(),
        board: z.string().optional(),
        deepstream: z.string().optional(),
        gpu: z.string().optional(),
        gstreamer: z.string().optional(),
        previousWorker: z.string().optional().describe("How the last worker ended."),
      })
      .describe("The program that runs the pipelines."),
    pipeline: z.object({
      state: z.enum(PIPELINE_STATES),
      phase: z.string().optional().describe("While it is loading: model, engine or graph."),
      progress: z.number().min(0).max(1).optional(),
      ...failure,
    }),
    readiness: readinessSchema,
    cameras: z.array(cameraSchema),
    outputs: z.array(outputSchema),
    model: modelSchema,
    trials: trialsSchema,
  })
  .describe("Everything at one moment.");

export const historySchema = z
  .object({
    intervalSeconds: z.number(),
    cameras: z.record(
      z.string(),
      z.array(
        z.object({
          frames: z.number().describe("Received a second."),
          dropped: count.describe("Within the interval."),
          latencyMs: z
            .number()
            .nullable()
            .describe("95th percentile of the time until detected; null: not known."),
        }),
      ),
    ),
  })
  .describe("The last hour of each camera, the oldest sample first.");

export const doneSchema = z.object({ done: z.literal(true) }).describe("It is done.");

export const cameraTestSchema = z
  .object({
    address: z.string().describe("Without a login."),
    streams: z.array(z.object({ kind: z.string(), encoding: z.string() })),
    findings: z
      .array(
        z.object({
          code: z.string(),
          severity: z.enum(["error", "warning"]),
          detail: z.string(),
          cure: z.string(),
        }),
      )
      .describe("Empty: it offers video that can be shown."),
  })
  .describe("What a camera offers.");

export const errorSchema = z
  .object({ error: z.string().describe("One line: what is wrong, and what to do.") })
  .describe("Why a request was refused.");

export const settingsRefusalSchema = errorSchema
  .extend({
    problems: z.array(
      z.object({
        severity: z.enum(["error", "warning", "notice"]),
        code: z.string().describe("Stable name for programs."),
        file: z.string().optional().describe("The settings in which it is: node, hub, or a file."),
        line: z.int().optional().describe("From 1."),
        path: z.string().describe("cameras[1].uri; empty: the whole document."),
        message: z.string().describe("What is wrong, what is allowed, what to do."),
      }),
    ),
  })
  .describe("Why settings were refused.");

export type ApiCamera = z.output<typeof cameraSchema>;
export type ApiOutput = z.output<typeof outputSchema>;
export type ApiModel = z.output<typeof modelSchema>;
export type ApiTrials = z.output<typeof trialsSchema>;
export type ApiState = z.output<typeof stateSchema>;
export type ApiHistory = z.output<typeof historySchema>;
export type ApiCameraTest = z.output<typeof cameraTestSchema>;
export type Readiness = z.output<typeof readinessSchema>;
export type Health = z.output<typeof healthSchema>;
