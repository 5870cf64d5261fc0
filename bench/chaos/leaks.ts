// Searches the product's whole output for passwords.
import type { Half } from "./half.js";
import { SECRET, type World } from "./world.js";

/** Every line that contains a password, with the password masked. */
export function leaks({ agent, sidecar }: World): string[] {
  const lines = [agent, sidecar].flatMap(({ lives }: Half) =>
    lives.flatMap((life) => [...life.lines, ...life.errorLines]),
  );
  return lines
    .filter((line) => line.includes(SECRET))
    .map((line) => `a log contains a password: ${line.replaceAll(SECRET, "*****").slice(0, 300)}`);
}
