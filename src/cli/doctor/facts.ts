/** What the doctor knows of a machine. collect.ts finds it out; the checks only read it. */

import type { ApiState } from "../../common/api/schema.js";
import type { CameraProbe } from "../../common/cameras/rtsp-probe.js";

/** What was found out, or why not, as the end of a sentence. */
export type Fact<T> =
  | { readonly t: "known"; readonly value: T }
  | { readonly t: "unknown"; readonly why: string };

export interface DoctorFacts {
  readonly node: Fact<NodeFacts>;
  readonly docker: Fact<DockerFacts>;
  /** Slipstream's own, running or not. */
  readonly containers: Fact<readonly ContainerFacts[]>;
  /** Digests of the images that Horizon runs here, by the definition of the service in the Exchange. */
  readonly published: Fact<readonly string[]>;
  /** Plugins of NVIDIA in the GStreamer of this container. */
  readonly plugins: Fact<{
    readonly missing: readonly string[];
    readonly blacklisted: readonly string[];
  }>;
  readonly directories: readonly DirectoryFacts[];
  readonly memory: Fact<{ readonly totalMiB: number; readonly availableMiB: number }>;
  readonly clock: Fact<{ readonly offsetMs: number; readonly against: string }>;
  /** Milliseconds since 1970. */
  readonly nowMs: number;
  readonly ports: readonly PortFacts[];
  readonly hubName: Fact<{ readonly host: string; readonly resolves: boolean }>;
  readonly cameras: Fact<readonly CameraFacts[]>;
  /** Problems of the settings: the lines that `slipstream settings show` prints. */
  readonly settings: Fact<{
    readonly errors: readonly string[];
    readonly warnings: readonly string[];
  }>;
  readonly secrets: Fact<{
    readonly missing: readonly string[];
    readonly unusable: readonly string[];
  }>;
  readonly model: Fact<{ readonly path: string; readonly lacks: readonly string[] }>;
  readonly ess: Fact<{
    readonly unset: readonly string[];
    readonly unreadable: readonly string[];
    /** Undefined: it answers. */
    readonly silence: string | undefined;
  }>;
  readonly horizon: Fact<HorizonFacts>;
  readonly agent: Fact<ApiState>;
}

export interface NodeFacts {
  /** As Node.js names it. */
  readonly arch: string;
  readonly l4t: string | undefined;
  readonly driver: string | undefined;
  readonly gpus: readonly { readonly name: string; readonly memoryMiB: number | undefined }[];
  readonly defaultRuntime: string | undefined;
  readonly freeDiskGiB: number | undefined;
  /** NVIDIA's GPUs on the PCI bus, whether a driver knows them or not. */
  readonly pciGpus: number;
  /** What nvidia-smi says is wrong. Undefined: nothing, or there is no nvidia-smi. */
  readonly nvidiaSmiError: string | undefined;
  /** Properties for policies that the machine itself shows, and why others are not known. */
  readonly properties: ReadonlyMap<string, string>;
  readonly unknownProperties: ReadonlyMap<string, string>;
}

export interface DockerFacts {
  /** Undefined: it answers. */
  readonly silence: "refused" | undefined;
  readonly runtimes: readonly string[];
  readonly freeInodes: number | undefined;
}

export interface ContainerFacts {
  readonly role: "agent" | "sidecar";
  readonly name: string;
  /** running, exited, restarting ... */
  readonly status: string;
  readonly restarts: number;
  /** Undefined: it has no health check. */
  readonly health: string | undefined;
  /** The last line of its health check. */
  readonly healthDetail: string;
  readonly outOfMemory: boolean;
  /** As Docker names it: amd64, arm64. */
  readonly imageArch: string;
  readonly imageVersion: string;
  readonly digests: readonly string[];
  readonly shmBytes: number | undefined;
  /** Of /run/slipstream. */
  readonly runVolume: string | undefined;
}

export interface DirectoryFacts {
  /** The setting that names it. */
  readonly setting: string;
  readonly path: string;
  readonly use: "state" | "models" | "run" | "secrets";
  readonly found: Fact<{
    readonly writable: boolean;
    readonly readable: boolean;
    readonly owner: number;
    readonly group: number;
    /** Permission bits. */
    readonly mode: number;
    readonly freeBytes: number;
    /** From 0 to 1; undefined: the file system has no fixed number. */
    readonly freeInodes: number | undefined;
  }>;
}

export interface PortFacts {
  readonly setting: string;
  readonly port: number;
  readonly state: "free" | "in use" | "not allowed";
}

export interface CameraFacts {
  readonly id: string;
  readonly uri: string;
  readonly found:
    | { readonly t: "off" }
    | { readonly t: "network"; readonly probe: CameraProbe }
    | { readonly t: "file"; readonly problem: "absent" | "unreadable" | undefined };
}

export interface HorizonFacts {
  /** configured, unconfigured ... */
  readonly configState: string;
  readonly agreements: readonly {
    readonly service: string;
    readonly acceptedMs: number;
    /** Undefined: its containers do not run yet. */
    readonly startedMs: number | undefined;
  }[];
  /** Properties of the node's policy in the Exchange. */
  readonly properties: ReadonlyMap<string, string>;
}

export function known<T>(value: T): Fact<T> {
  return { t: "known", value };
}

export function unknown(why: string): Fact<never> {
  return { t: "unknown", why };
}
