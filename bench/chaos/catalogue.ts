// Every kind of fault.
import { CAMERA_FAULTS } from "./camera-faults.js";
import type { FaultKind } from "./fault.js";
import { PROCESS_FAULTS } from "./process-faults.js";

export const CATALOGUE: readonly FaultKind[] = [...CAMERA_FAULTS, ...PROCESS_FAULTS];
