/** `slipstream cameras test`: asks a camera what it offers, before it is in any settings. */

import { Command } from "commander";
import type { CameraProbe } from "../../common/cameras/rtsp-probe.js";
import { testCamera } from "../../common/cameras/test-camera.js";
import type { CameraFinding } from "../../common/cameras/verdict.js";
import { readCameraUri } from "../../common/settings/camera-uri.js";
import { processTerminal, type Terminal } from "../../common/terminal.js";

const EXIT_FAILED = 1;
const EXIT_BAD_INPUT = 2;

interface TestFlags {
  readonly json?: true;
  readonly acceptAnyCertificate?: true;
  readonly timeout: string;
}

export function camerasCommand(terminal: Terminal = processTerminal()): Command {
  const command = new Command("cameras").description("test cameras");
  command
    .command("test")
    .description("ask a camera what it offers, without playing it")
    .argument("<address>", "rtsp://[user:password@]host[:port]/path, or rtsps://")
    .option("--accept-any-certificate", "of an rtsps:// camera")
    .option("--timeout <seconds>", "for all of it", "10")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      "\nA login on the command line can be seen by other users of this machine; CAMERA_LOGIN=user:password cannot." +
        "\nExit status: 0 it offers video that can be shown, 1 it does not, 2 wrong usage or input.",
    )
    .exitOverride()
    .action((address: string, flags: TestFlags) => test(address, flags, terminal));
  return command;
}

async function test(address: string, flags: TestFlags, terminal: Terminal): Promise<void> {
  const camera = readCameraUri(address);
  const seconds = Number(flags.timeout);
  if (camera.t === "refused" || !/^rtsps?:/.test(camera.uri)) {
    const allowed = camera.t === "refused" ? camera.allowed : "rtsp:// or rtsps://";
    terminal.err(`the address is refused; allowed: ${allowed}\n`);
    terminal.exit(EXIT_BAD_INPUT);
    return;
  }
  if (!(seconds >= 1 && seconds <= 300)) {
    terminal.err("--timeout must be a number from 1 to 300\n");
    terminal.exit(EXIT_BAD_INPUT);
    return;
  }
  const { uri, credentials } = camera;
  const [, username = "", password = ""] =
    /^([^:]*):(.*)$/.exec(terminal.environment["CAMERA_LOGIN"] ?? "") ?? [];
  const login = credentials !== undefined && !("secret" in credentials) ? credentials : undefined;
  const tested = await testCamera(
    {
      uri,
      credentials: login ?? (username === "" ? undefined : { username, password }),
      acceptAnyCertificate: flags.acceptAnyCertificate === true,
    },
    seconds,
  );
  const { address: shown, probe, findings: found } = tested;
  if (found.some(({ severity }) => severity === "error")) terminal.exit(EXIT_FAILED);
  terminal.out(
    flags.json
      ? `${JSON.stringify({ address: shown, ...probe, findings: found }, null, 2)}\n`
      : asText(shown, probe, found),
  );
}

function asText(address: string, probe: CameraProbe, found: readonly CameraFinding[]): string {
  const offered =
    probe.t === "answers"
      ? `${probe.streams.map(({ kind, encoding }) => `${kind} ${encoding}`).join(", ")}${probe.server === undefined ? "" : ` (${probe.server})`}`
      : "no description";
  const lines = found.map(({ severity, detail, cure }) => `${severity}: ${detail}\n  ${cure}\n`);
  return `${address}: ${offered}\n${lines.join("")}`;
}
