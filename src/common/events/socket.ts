/** Where the agent sends its events for those who follow them on the node. */

import { join } from "node:path";

export function eventSocketPath(stateDir: string): string {
  return join(stateDir, "events.sock");
}
