// The recorded answers of a real hub to everything that the make targets send, for tests.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Recorded } from "./recorder.js";

export interface Recording {
  readonly versions: Readonly<Record<"exchange" | "hzn", string>>;
  /** ISO 8601, without the time. */
  readonly date: string;
  readonly runs: readonly {
    /** A make target with its variables, or "requests". */
    readonly command: string;
    readonly exit: number;
    /** What it asked the Exchange. */
    readonly exchange: readonly Recorded[];
    /** What it asked the Model Management Service. */
    readonly css: readonly Recorded[];
  }[];
}

/** From the top of the project, where tests run. */
export const recordingFile = join("src", "fleet", "verify-hub", "recording.json");

export function readRecording(): Recording {
  // The file is ours and the tests fail on what does not fit; there is nothing to gain from checking its shape.
  return JSON.parse(readFileSync(recordingFile, "utf8")) as Recording;
}

/** The make targets that are recorded, in this order on one hub. The last ones remove everything again. */
export const TARGETS: readonly string[][] = [
  ["publish", "ARCH=amd64", "SERVICE_VERSION=98.0.0"],
  ["publish", "ARCH=arm64", "SERVICE_VERSION=98.0.0"],
  ["publish", "BOARD=orin-nano", "SERVICE_VERSION=98.0.0"],
  ["publish-pattern", "ARCH=amd64", "SERVICE_VERSION=98.0.0"],
  ["publish-service", "ARCH=amd64", "SERVICE_VERSION=98.0.0"],
  ["publish-service", "publish-service-policy", "ARCH=amd64", "SERVICE_VERSION=99.0.0"],
  ["publish-service", "publish-service-policy", "ARCH=arm64", "SERVICE_VERSION=99.0.0"],
  ["publish-service", "ARCH=amd64", "SERVICE_VERSION=99.0.0", "SECRETS=cam-login", "OVERWRITE=yes"],
  ["canary", "VERSION=99.0.0", "SECRETS=cam-login", "CONFIRM=yes"],
  ["fleet-status"],
  ["promote", "RING=2", "CONFIRM=yes"],
  ["publish-deployment-policy", "ARCH=amd64", "SERVICE_VERSION=99.0.0"],
  ["rollback", "CONFIRM=yes"],
  ["publish-settings", "FILE=settings.json", "OBJECT=slipstream-verify", "ROLLOUT_RINGS=<= 1"],
  ["remove-settings", "OBJECT=slipstream-verify"],
  ["remove-pattern"],
  ["remove", "ARCH=amd64", "SERVICE_VERSION=98.0.0"],
  ["remove-service", "ARCH=arm64", "SERVICE_VERSION=98.0.0"],
  ["remove-service", "ARCH=amd64", "SERVICE_VERSION=99.0.0"],
  ["remove-service", "ARCH=arm64", "SERVICE_VERSION=99.0.0"],
  ["remove", "BOARD=orin-nano", "SERVICE_VERSION=98.0.0"],
];
