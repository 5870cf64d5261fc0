/** The state of a camera as text, so that counts, and who is in a zone, survive a restart of the agent. */

import type { CameraState } from "./camera.js";

/** Another version of the agent may have written it in another form. */
const FORM = 2;

export function formatState(state: CameraState): string {
  return JSON.stringify({ form: FORM, state }, (_, value: unknown) =>
    value instanceof Map ? { map: [...value] } : value,
  );
}

/** Undefined: it cannot be used. */
export function parseState(text: string): CameraState | undefined {
  try {
    const { form, state } = JSON.parse(text, (_, value: unknown) =>
      isStoredMap(value) ? new Map(value.map) : value,
    ) as { form?: unknown; state?: CameraState };
    return form === FORM ? state : undefined;
  } catch {
    return undefined;
  }
}

function isStoredMap(value: unknown): value is { readonly map: [unknown, unknown][] } {
  if (typeof value !== "object" || value === null || !("map" in value)) return false;
  // Attributes are texts, so that no other object has a list of this name.
  return Array.isArray(value.map);
}
