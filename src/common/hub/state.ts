/** The hub's part of the agent's state: the documents, what was decided about each object, and downloads under way. */

import { join } from "node:path";
import { Documents } from "./documents.js";
import { Ledger } from "./ledger.js";

export interface HubState {
  readonly documents: Documents;
  /** By the type of the objects. */
  readonly ledgers: { readonly settings: Ledger; readonly models: Ledger };
  /** Directory of what is being fetched. */
  readonly incoming: string;
}

/** Where the documents are kept. */
export function documentsPath(stateDir: string): string {
  return join(hubDirectory(stateDir), "settings.json");
}

/**
 * Makes the directory if it is not there. Throws what the disk says.
 *
 * @param forgotten called for each file that cannot be understood; what it held is taken anew from the hub
 */
export async function openHubState(
  stateDir: string,
  forgotten: (detail: string) => void,
): Promise<HubState> {
  const directory = hubDirectory(stateDir);
  const documents = await Documents.open(documentsPath(stateDir), forgotten);
  const settings = await Ledger.open(join(directory, "settings-ledger.json"), forgotten);
  const models = await Ledger.open(join(directory, "model-ledger.json"), forgotten);
  return { documents, ledgers: { settings, models }, incoming: join(directory, "incoming") };
}

function hubDirectory(stateDir: string): string {
  return join(stateDir, "hub");
}
