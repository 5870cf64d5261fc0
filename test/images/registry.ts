// Sends an image through a registry on this machine.
import { spawn } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { docker } from "../../src/common/docker.js";
import { freePorts, type Scope, temporaryDirectory, until } from "../support/scope.js";

/** Starts a registry and returns its address, or undefined if the program is not installed. */
export async function registry(scope: Scope): Promise<string | undefined> {
  const directory = await temporaryDirectory(scope);
  const [port] = await freePorts(1);
  const address = `127.0.0.1:${port}`;
  const configuration = join(directory, "registry.json");
  await writeFile(
    configuration,
    JSON.stringify({
      version: "0.1",
      log: { level: "error", accesslog: { disabled: true } },
      storage: { filesystem: { rootdirectory: join(directory, "images") } },
      http: { addr: address },
    }),
  );
  const child = spawn("docker-registry", ["serve", configuration], { stdio: "ignore" });
  const ended = new Promise<"ended">((resolve) => {
    child.once("error", () => resolve("ended"));
    child.once("exit", () => resolve("ended"));
  });
  scope.after(async () => {
    child.kill();
    await ended;
  });
  const answers = until("the registry answers", 10_000, () =>
    fetch(`http://${address}/v2/`).then(
      ({ ok }) => ok,
      () => false,
    ),
  );
  return (await Promise.race([answers, ended])) === "ended" ? undefined : address;
}

/** Pushes an image, pulls it by the digest that the registry assigned, and returns the id of the pulled image. */
export async function pull(address: string, image: string): Promise<string> {
  const remote = `${address}/${image}`;
  await docker(["tag", image, remote]);
  await docker(["push", "--quiet", remote]);
  const format = "{{range .RepoDigests}}{{println .}}{{end}}";
  const digests = await docker(["image", "inspect", "--format", format, remote]);
  const digest = digests.split("\n").find((one) => one.startsWith(address));
  if (digest === undefined) throw new Error(`${remote} has no digest after it was pushed`);
  // The image keeps its original tag; the pull by digest must still work.
  await docker(["image", "rm", remote]);
  await docker(["pull", "--quiet", digest]);
  const id = await docker(["image", "inspect", "--format", "{{.Id}}", digest]);
  await docker(["image", "rm", digest]);
  return id;
}
