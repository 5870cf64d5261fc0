// Every kind of fault.
import { BROWSER_FAULTS } from "./browser-faults.js";
import { CAMERA_FAULTS } from "./camera-faults.js";
import type { FaultKind } from "./fault.js";
import { FILE_FAULTS } from "./file-faults.js";
import { PROCESS_FAULTS } from "./process-faults.js";
import { SETTINGS_FAULTS } from "./settings-faults.js";
import { VIEWER_FAULTS } from "./viewer-faults.js";

export const CATALOGUE: readonly FaultKind[] = [
  ...CAMERA_FAULTS,
  ...PROCESS_FAULTS,
  ...FILE_FAULTS,
  ...VIEWER_FAULTS,
  ...BROWSER_FAULTS,
  ...SETTINGS_FAULTS,
];
