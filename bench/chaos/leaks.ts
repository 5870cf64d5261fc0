// Looks for passwords in everything that the product has said.
import type { Half } from "./half.js";
import type { World } from "./world.js";

/** Every line that holds a secret, without the secret. */
export function leaks({ agent, sidecar, secrets }: World): string[] {
  const lines = [agent, sidecar].flatMap(({ lives }: Half) =>
    lives.flatMap((life) => [...life.lines, ...life.errorLines]),
  );
  return [...secrets].flatMap((secret) =>
    lines
      .filter((line) => line.includes(secret))
      .map((line) => `a log holds a password: ${line.replaceAll(secret, "*****").slice(0, 300)}`),
  );
}
