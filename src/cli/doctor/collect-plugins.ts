/** What GStreamer has of NVIDIA's plugins, in the sidecar's container or here. */

import { environment } from "../../common/environment.js";
import { type ContainerFacts, type Fact, known, unknown } from "./facts.js";
import { run } from "./run.js";

const ELEMENTS = ["nvstreammux", "nvinfer", "nvvideoconvert", "nvdsosd", "nvmultistreamtiler"];

export async function readPlugins(
  containers: Fact<readonly ContainerFacts[]>,
  signal: AbortSignal,
): Promise<Fact<{ missing: string[]; blacklisted: string[] }>> {
  const sidecar =
    containers.t === "known"
      ? containers.value.find(({ role, status }) => role === "sidecar" && status === "running")
      : undefined;
  if (sidecar === undefined) return unknown("no container of the sidecar runs");
  const inspect = (...args: string[]) => {
    const command = ["exec", sidecar.name, "gst-inspect-1.0", ...args];
    return run(environment["DOCKER"] || "docker", command, environment, signal);
  };
  await inspect("--version");
  const exists = await Promise.all(
    ELEMENTS.map((element) =>
      inspect("--exists", element).then(
        () => true,
        () => false,
      ),
    ),
  );
  return known({
    missing: ELEMENTS.filter((_, i) => exists[i] === false),
    blacklisted: blacklistIn(await inspect("--print-blacklist")),
  });
}

/** The files below "Blacklisted files:". */
export function blacklistIn(output: string): string[] {
  const [, files = ""] = /^Blacklisted files:\n((?: +.*\n)*)/m.exec(output) ?? [];
  return files.split("\n").flatMap((line) => (line.trim() === "" ? [] : [line.trim()]));
}
