/**
 * Entry of the agent. A version that has failed its trial ends here, before anything else is loaded: Docker starts it
 * again and again, and Horizon's agent must find its container not running.
 */

import { failedHere, MARKER_PATH } from "./trial/version-marker.js";

const failed = failedHere(MARKER_PATH, Date.now());
if (failed === undefined) {
  const { start } = await import("./start.js");
  process.exit(await start());
}
process.stderr.write(`${failed.line}\n`);
process.exit(failed.code);
