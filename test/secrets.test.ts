import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { asText, cameraIn, stateOf, untilState } from "./support/contract.js";
import { descendants } from "./support/proc.js";
import { type Product, startDev, startProduct } from "./support/product.js";
import { count } from "./support/video.js";

const TIMEOUT_MS = 30_000;
const USER = "eve";

/** Awkward in an address, in JSON, in a shell and in UTF-8. */
const PASSWORDS = ["p@ss:w/rd%23", 'quo"te\\ and, comma', "schlüssel-ключ-🔑"];

describe("a password is nowhere to be read", () => {
  for (const password of PASSWORDS) {
    for (const auth of ["basic", "digest"] as const) {
      it(`${password} opens a camera that asks for ${auth}, and is not told`, async (t) => {
        const camera = await count(t, { login: { user: USER, password, auth } });
        const right = withLogin(camera.uri, password);
        const wrong = withLogin(camera.uri, `not-${password}`);
        const product = await startProduct(t, {
          RTSPINPUT: `right=${right},wrong=${wrong}`,
          LOG_LEVEL: "debug",
        });
        await untilState(product.runDir, "one live, one refused", TIMEOUT_MS, (state) => {
          return (
            cameraIn(state, "right")?.state?.$case === "live" &&
            cameraIn(state, "wrong")?.state?.$case === "lost"
          );
        });
        await product.agent.line(/"camera lost".*"login refused"/, TIMEOUT_MS);
        await product.agent.line(/"output ready"/, TIMEOUT_MS);
        hides(await everythingSaidBy(product), password);
        await Promise.all([product.agent.stop(), product.sidecar.stop()]);
        hides([...product.agent.lines, ...product.sidecar.errorLines].join("\n"), password);
      });
    }
  }

  it("not when the address cannot be understood either", async (t) => {
    const password = "p@ss:w/rd%23";
    const addresses = [`rtsp://${USER}:${password}@`, `rstp://${USER}:${password}@10.0.0.9/live`];
    const dev = await startDev(t, { RTSPINPUT: addresses.join(",") });
    assert.equal((await dev.launcher.end(TIMEOUT_MS)).code, 78);
    const said = [...dev.launcher.lines, ...dev.launcher.errorLines].join("\n");
    assert.match(said, /RTSPINPUT.*allowed/);
    hides(said, password);
  });
});

function withLogin(uri: string, password: string): string {
  return uri.replace("://", `://${USER}:${encodeURIComponent(password)}@`);
}

/** What the halves wrote, what the contract tells, and what every user of the machine may read of the processes. */
async function everythingSaidBy({ agent, sidecar, runDir }: Product): Promise<string> {
  const started = await Promise.all([agent.pid, sidecar.pid].map((pid) => descendants(pid)));
  return [
    ...[agent, sidecar].flatMap(({ lines, errorLines }) => [...lines, ...errorLines]),
    asText(await stateOf(runDir)),
    ...started.flat().map(({ command }) => command),
  ].join("\n");
}

/** Fails if a text holds a password in any of its forms, or a telling part of it. */
function hides(text: string, password: string): void {
  const parts = password.split(/[@:/%"\\, -]+/).filter((part) => part.length >= 4);
  const forms = [
    password,
    encodeURIComponent(password),
    encodeURI(password),
    JSON.stringify(password).slice(1, -1),
    // As Python's JSON has it.
    JSON.stringify(password)
      .slice(1, -1)
      .replace(/[^\x20-\x7e]/g, escaped),
    Buffer.from(`${USER}:${password}`).toString("base64"),
    ...parts,
    ...parts.map((part) => encodeURIComponent(part)),
  ];
  for (const form of forms) {
    const line = text.split("\n").find((one) => one.includes(form));
    assert.equal(line, undefined, `${form} is in: ${line}`);
  }
}

function escaped(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
