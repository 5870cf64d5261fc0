/** The part of the agent's state that comes from the hub: settings documents, ledgers, and unfinished downloads. */

import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { Documents } from "./documents.js";
import { Ledger } from "./ledger.js";

export interface HubState {
  readonly documents: Documents;
  /** By object type. */
  readonly ledgers: { readonly settings: Ledger; readonly models: Ledger };
  /** Directory of unfinished downloads. */
  readonly incoming: string;
}

/** The file of the settings documents. */
export function documentsPath(stateDir: string): string {
  return join(stateDir, "hub", "settings.json");
}

/**
 * Creates the directory if necessary. Throws file system errors.
 *
 * @param damaged called for each file that cannot be parsed; what it held is fetched from the hub again
 */
export async function openHubState(
  stateDir: string,
  damaged: (detail: string) => void,
): Promise<HubState> {
  const directory = join(stateDir, "hub");
  await mkdir(directory, { recursive: true });
  const documents = await Documents.open(documentsPath(stateDir), damaged);
  const settings = await Ledger.open(join(directory, "settings-ledger.json"), damaged);
  const models = await Ledger.open(join(directory, "model-ledger.json"), damaged);
  return { documents, ledgers: { settings, models }, incoming: join(directory, "incoming") };
}
