/** Measures how much memory the agent needs to install a model, for tests and for `make bench`. */

import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { createWriteStream, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { pipeline } from "node:stream/promises";
import { fileURLToPath } from "node:url";
import { createGzip } from "node:zlib";
import { pack } from "tar-stream";
import { MANIFEST } from "../../../common/bundle/manifest.js";
import { bundle, FILES } from "../../../common/bundle/testing/archives.js";
import { EssDouble } from "./ess-double.js";

const PROGRAM = fileURLToPath(new URL("hub-process.js", import.meta.url));
const MB = 1024 * 1024;
const type = "slipstream-model";

export interface ModelInstallation {
  readonly bytes: number;
  readonly seconds: number;
  /** Resident memory above what the agent needs after it has installed a small model. */
  readonly growthBytes: number;
}

/**
 * Sends a model of this size through a real service to an agent in its own process. Needs three times the size on the
 * disk of `within`, and frees it again.
 */
export async function installModel(
  megabytes: number,
  within = tmpdir(),
): Promise<ModelInstallation> {
  const root = mkdtempSync(join(within, "install-model-"));
  const ess = await EssDouble.start();
  try {
    const archive = join(root, "archive");
    await writeLargeBundle(archive, megabytes);
    return await measure(ess, root, archive, megabytes * MB);
  } finally {
    await ess.stop();
    rmSync(root, { recursive: true, force: true });
  }
}

async function measure(
  ess: EssDouble,
  root: string,
  archive: string,
  bytes: number,
): Promise<ModelInstallation> {
  const { socketPath, certificate, credentials } = ess.address;
  const args = [PROGRAM, join(root, "agent"), socketPath, certificate, credentials];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  try {
    ess.publish({ type, id: "small", data: await bundle({ name: "small" }) });
    let largest = 0;
    let baseline: number | undefined;
    let sinceMs = 0;
    for await (const line of createInterface(child.stdout)) {
      const { t, id, rss = 0 } = JSON.parse(line);
      largest = Math.max(largest, rss);
      if (t === "refused" || t === "postponed")
        throw new Error(`the model was not accepted: ${line}`);
      if (t !== "acknowledged") continue;
      if (id === "small") {
        baseline = largest;
        sinceMs = performance.now();
        ess.publish({ type, id: "large", data: archive });
      } else if (baseline !== undefined) {
        const seconds = (performance.now() - sinceMs) / 1000;
        return { bytes, seconds, growthBytes: largest - baseline };
      }
    }
    throw new Error("the agent ended");
  } finally {
    child.kill("SIGKILL");
    await ended;
  }
}

/** Its network is noise, which compresses as badly as real networks do. */
async function writeLargeBundle(path: string, megabytes: number): Promise<void> {
  const block = randomBytes(MB);
  const hash = createHash("sha256");
  for (let i = 0; i < megabytes; i++) hash.update(block);
  const network = { path: "network.onnx", bytes: megabytes * MB, sha256: hash.digest("hex") };
  const others = Object.entries(FILES).filter(([name]) => name !== network.path);
  const files = others.map(([name, text]) => ({
    path: name,
    bytes: Buffer.byteLength(text),
    sha256: createHash("sha256").update(text).digest("hex"),
  }));
  const manifest = { format: 1, name: "large", version: "1.0.0", boards: [] };
  const tape = pack();
  // Compressing noise would take most of the test's time.
  const writing = pipeline(tape, createGzip({ level: 0 }), createWriteStream(path));
  tape.entry({ name: MANIFEST }, JSON.stringify({ ...manifest, files: [...files, network] }));
  for (const [name, text] of others) tape.entry({ name }, text);
  const entry = tape.entry({ name: network.path, size: network.bytes });
  for (let i = 0; i < megabytes; i++) {
    if (entry.write(block)) continue;
    await new Promise<void>((resolve) => {
      entry.once("drain", resolve);
    });
  }
  entry.end(null);
  tape.finalize();
  await writing;
}
