// A registry on this machine, and the way of an image through it.
import { spawn } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { docker } from "../../src/common/docker.js";
import { freePorts, type Scope, temporaryDirectory, until } from "../support/scope.js";

/** Starts a registry and returns its address, or undefined where the program is not installed. */
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

/** Pushes an image, pulls it by the digest that the registry gave it, and returns the id of what came. */
export async function pull(address: string, image: string): Promise<string> {
  const remote = `${address}/${image}`;
  await docker(["tag", image, remote]);
  await docker(["push", "--quiet", remote]);
  const format = "{{range .RepoDigests}}{{println .}}{{end}}";
  const digests = await docker(["image", "inspect", "--format", format, remote]);
  const digest = digests.split("\n").find((one) => one.startsWith(address));
  if (digest === undefined) throw new Error(`${remote} has no digest after it was pushed`);
  // The image is left under its first name, and must come by its digest all the same.
  await docker(["image", "rm", remote]);
  await docker(["pull", "--quiet", digest]);
  const id = await docker(["image", "inspect", "--format", "{{.Id}}", digest]);
  await docker(["image", "rm", digest]);
  return id;
}
