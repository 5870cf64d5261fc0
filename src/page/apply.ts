/** Applies what was drawn on a camera to this node's settings document. */

import type { CameraFields } from "./shapes.js";

interface DocumentCamera extends CameraFields {
  readonly id: string;
}

interface Refusal {
  readonly error?: string;
  readonly problems?: readonly { readonly path: string; readonly message: string }[];
}

const PATH = "/api/v1/settings";

/** Adds masks, zones and lines to those of the camera. Throws what was refused, and why. */
export async function applyFields(camera: string, drawn: CameraFields): Promise<void> {
  const current = await fetch(PATH);
  const document = (await answerOf(current)) as object;
  const cameras = (await answerOf(await fetch(`${PATH}/cameras`))) as DocumentCamera[];
  if (!cameras.some(({ id }) => id === camera)) throw new Error(`no settings name ${camera}`);
  const changed = cameras.map((one) =>
    one.id === camera ? { ...one, ...joined(one, drawn) } : one,
  );
  const response = await fetch(PATH, {
    method: "PUT",
    headers: {
      "Content-Type": "application/json",
      "If-Match": current.headers.get("ETag") ?? "",
    },
    body: JSON.stringify({ ...document, cameras: changed }),
  });
  await answerOf(response);
}

function joined(one: CameraFields, drawn: CameraFields): CameraFields {
  return {
    ...(drawn.masks && { masks: [...(one.masks ?? []), ...drawn.masks] }),
    ...(drawn.zones && { zones: [...(one.zones ?? []), ...drawn.zones] }),
    ...(drawn.lines && { lines: [...(one.lines ?? []), ...drawn.lines] }),
  };
}

async function answerOf(response: Response): Promise<unknown> {
  const answer = (await response.json()) as Refusal;
  if (response.ok) return answer;
  const problems = (answer.problems ?? []).map(({ path, message }) => `${path}: ${message}`);
  throw new Error(problems.join("; ") || answer.error || response.statusText);
}
