/** A desired state as `slipstream settings show` prints it: every value, and where it came from. No secret. */

import { type Redact, redactDeep, redactor } from "../../common/secrets/redact.js";
import type { Credentials } from "../../common/settings/camera-uri.js";
import type { DesiredState } from "../../common/settings/desired-state.js";
import { describeOrigin } from "../../common/settings/origin.js";
import { secretsInSpec } from "../../common/settings/spec-secrets.js";

type Desired = Extract<DesiredState, { t: "desired" }>;

interface Row {
  readonly path: string;
  readonly value: unknown;
  readonly from: string;
}

export function showText(state: Desired): string {
  const rows = [
    ["PATH", "VALUE", "FROM"],
    ...rowsOf(state).map(({ path, value, from }) => [path, textOf(value), from]),
  ];
  const width = (column: number) => Math.max(...rows.map((row) => row[column]?.length ?? 0));
  const [first, second] = [width(0), width(1)];
  return rows
    .map(([path = "", value = "", from = ""]) =>
      `${path.padEnd(first)}  ${value.padEnd(second)}  ${from}`.trimEnd(),
    )
    .map((line) => `${line}\n`)
    .join("");
}

export function showJson(state: Desired): string {
  const { desired, nextChangeMs, notes } = state;
  const values = rowsOf(state).map(({ value, ...row }) => ({ ...row, value: value ?? null }));
  const shown = { generation: desired.generation, values, nextChangeMs, notes };
  return `${JSON.stringify(shown, null, 2)}\n`;
}

function rowsOf({ desired, conduct, origins }: Desired): Row[] {
  const whole = { ...desired.spec, ...conduct };
  const redact = redactor(secretsInSpec(desired.spec));
  return [...origins].map(([path, origin]) => ({
    path,
    value: withoutSecrets(path, partOf(whole, path), redact),
    from: describeOrigin(origin),
  }));
}

/** A path as the origins have it: outputs[0].encoding.codec. */
function partOf(whole: unknown, path: string): unknown {
  return path
    .split(/[.[\]]+/)
    .filter((part) => part !== "")
    .reduce<unknown>(
      (part, key) => (typeof part === "object" && part !== null ? Reflect.get(part, key) : part),
      whole,
    );
}

function withoutSecrets(path: string, value: unknown, redact: Redact): unknown {
  if (!/\.(?:credentials|users)$/.test(path) || value === undefined) {
    return redactDeep(value, redact);
  }
  // These paths hold one login, or a list of them.
  const logins = [value as Credentials | readonly Credentials[]].flat();
  const shown = logins.map(({ username }) => `${redact(username)}:***`);
  return Array.isArray(value) ? shown : shown[0];
}

function textOf(value: unknown): string {
  if (value === undefined) return "-";
  if (typeof value === "string") return value;
  return JSON.stringify(value);
}
