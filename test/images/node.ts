// A node that runs the service: the containers of one agreement at a time, started and stopped as the Horizon agent does.
import { readFileSync } from "node:fs";
import { docker } from "../../src/common/docker.js";
import { containersOf, removeContainers, startContainers } from "../../src/dev/containers.js";
import { type Scope, until } from "../support/scope.js";
import { volumesOf } from "../support/volumes.js";
import type { Arch } from "./images.js";

/** The names of the two containers. */
export interface Service {
  readonly agent: string;
  readonly sidecar: string;
}

/** One run of a container's process. */
export interface Life {
  readonly exitCode: number;
  readonly ms: number;
}

export class TestNode {
  readonly #arch: Arch;
  /** A port of this machine. */
  readonly #port: number;
  readonly #options: readonly string[];
  #agreements = 0;
  /** Ends the current agreement. */
  #end: () => Promise<void> = async () => {};

  /**
   * The test removes containers and volumes at its end.
   *
   * @param options of `docker run`, beside those of Horizon's agent
   */
  constructor(scope: Scope, arch: Arch, port: number, options: readonly string[] = []) {
    this.#arch = arch;
    this.#port = port;
    this.#options = options;
    scope.after(async () => {
      await this.#end();
      await this.#forget();
    });
  }

  /** The address of the tiled stream. */
  get url(): string {
    return `rtsp://127.0.0.1:${this.#port}/ds`;
  }

  /** Replaces the agreement by a new one for the images with this tag. The volumes stay. */
  async agree(tag: string, inputs: Readonly<Record<string, string>> = {}): Promise<Service> {
    await this.#end();
    this.#agreements += 1;
    const id = `slipstream-test-${this.#arch}-${this.#agreements}`;
    const agreement = { id, arch: this.#arch, inputs: { RTSPINPUT: "test://", ...inputs } };
    const containers = containersOf(this.#definition(tag), agreement).map((container) => ({
      ...container,
      options: [...container.options, ...this.#options],
    }));
    const names = containers.map(({ name }) => name);
    this.#end = () => removeContainers(id, names);
    await this.#end(); // of a run that was cut off
    if (this.#agreements === 1) await this.#forget();
    await startContainers(id, containers);
    const [agent = "", sidecar = ""] = names;
    return { agent, sidecar };
  }

  async #forget(): Promise<void> {
    await docker(["volume", "rm", "--force", ...volumesOf(this.#definition(""))]);
  }

  /** The service definition with the images of the test. */
  #definition(tag: string): unknown {
    const text = readFileSync("service.definition.json", "utf8")
      .replace("$DOCKER_IMAGE_BASE-agent_$ARCH:$SERVICE_VERSION", `slipstream-test/agent:${tag}`)
      // ONNX Runtime cannot be loaded under emulation, so the arm64 agent runs with an amd64 sidecar.
      .replace(
        "$DOCKER_IMAGE_BASE-sidecar_$ARCH:$SERVICE_VERSION",
        `slipstream-test/sidecar:${tag === "arm64" ? "amd64" : tag}`,
      )
      .replace("8554:8554/tcp", `${this.#port}:8554/tcp`)
      .replace(/"slipstream-(\w+):\//g, `"slipstream-test-${this.#arch}-$1:/`);
    return JSON.parse(text);
  }
}

export function inside(container: string, ...command: string[]): Promise<string> {
  return docker(["exec", container, ...command]);
}

/** Waits until a container's log has count lines that match, and returns the last of them. */
export function says(
  container: string,
  pattern: RegExp,
  timeoutMs: number,
  count = 1,
): Promise<string> {
  return until(`${container} says ${pattern}`, timeoutMs, async () => {
    const lines = (await docker(["logs", container]))
      .split("\n")
      .filter((one) => pattern.test(one));
    return lines[count - 1];
  });
}

export async function inspect(kind: "image" | "container", name: string) {
  const [one] = JSON.parse(await docker([kind, "inspect", name]));
  return one;
}

/** Waits until a container's process has ended count times, and returns its runs as recorded by the engine. */
export function livesOf(container: string, count: number): Promise<readonly Life[]> {
  const filters = ["start", "die"].flatMap((event) => ["--filter", `event=${event}`]);
  const look = async () => {
    const text = await docker([
      ...["events", "--since", "1h", "--until", "0s", "--filter", `container=${container}`],
      ...[...filters, "--format", "{{.Status}} {{.TimeNano}} {{.Actor.Attributes.exitCode}}"],
    ]);
    const events = text.split("\n").map((line) => line.split(" "));
    const lives = events.flatMap(([status, at, exitCode], index): Life[] => {
      const startedAt = events[index - 1]?.[1];
      if (status !== "die" || startedAt === undefined) return [];
      return [{ exitCode: Number(exitCode), ms: (Number(at) - Number(startedAt)) / 1e6 }];
    });
    return lives.length >= count && lives;
  };
  return until(`${container} has ended ${count} times`, 120_000, look);
}
