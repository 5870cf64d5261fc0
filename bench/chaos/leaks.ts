// Looks for passwords in everything that the product has said.
import type { Half } from "./half.js";
import { SECRET, type World } from "./world.js";

/** Every line that holds a password, without it. */
export function leaks({ agent, sidecar }: World): string[] {
  const lines = [agent, sidecar].flatMap(({ lives }: Half) =>
    lives.flatMap((life) => [...life.lines, ...life.errorLines]),
  );
  return lines
    .filter((line) => line.includes(SECRET))
    .map((line) => `a log holds a password: ${line.replaceAll(SECRET, "*****").slice(0, 300)}`);
}
