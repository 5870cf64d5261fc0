// Builds the images on stand-ins for their base images. Runs inside engine.sh.
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { docker } from "../../src/common/docker.js";

const exec = promisify(execFile);

export type Arch = "amd64" | "arm64";

/** The host's certificates, where package clients find them on Debian; they include those of a proxy. */
const CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt";

/** Builds the stand-ins, unless they exist. */
export async function makeStandIns(arch: Arch): Promise<void> {
  await exec("test/images/stand-ins.sh", [arch]);
}

/** Builds one target and returns the tag of its image. */
export async function build(arch: Arch, target: string, version: string): Promise<string> {
  const tag = `slipstream-test/${target}:${arch}`;
  const argument = (name: string, value: string) => ["--build-arg", `${name}=${value}`];
  await docker([
    ...["build", "--quiet", "--network", "host", "--platform", `linux/${arch}`],
    ...["--file", `Dockerfile.${arch}`, "--target", target, "--tag", tag],
    ...argument("NODE_IMAGE", `slipstream-stand-in/node:${arch}`),
    ...argument("BUILD_NODE_IMAGE", "slipstream-stand-in/node:amd64"),
    ...argument("DEEPSTREAM_IMAGE", `slipstream-stand-in/deepstream:${arch}`),
    // The stand-in has Debian's Python and pip but no DeepStream, so it gets engine cpu's requirements and no bindings.
    ...argument("REQUIREMENTS", "cpu"),
    ...argument("PYDS", ""),
    ...argument("VERSION", version),
    ...["--secret", `id=certificates,src=${CERTIFICATES}`, "."],
  ]);
  return tag;
}

/** Derives images with another tag from the built ones: for each half, one Dockerfile line that runs as root. */
export async function derive(
  arch: Arch,
  tag: string,
  lines: Readonly<Record<"agent" | "sidecar", string>>,
): Promise<void> {
  for (const [half, line] of Object.entries(lines)) {
    const from = `slipstream-test/${half}:${arch}`;
    const user = await docker(["image", "inspect", "--format", "{{.Config.User}}", from]);
    const text = `FROM ${from}\nUSER root\n${line}\nUSER ${user}\n`;
    const args = ["build", "--quiet", "--tag", `slipstream-test/${half}:${tag}`, "-"];
    const building = exec(process.env["DOCKER"] || "docker", args);
    building.child.stdin?.end(text);
    await building;
  }
}

/** Why images for arm64 cannot be built here; undefined if they can. */
export async function whyNoArm64(): Promise<string | undefined> {
  try {
    await exec("test/images/emulation.sh");
    return undefined;
  } catch (error) {
    // execFile rejects with this shape.
    const { stderr } = error as { stderr?: string };
    return stderr?.trim() || "arm64 cannot be emulated here";
  }
}
