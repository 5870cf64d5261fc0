/** Tests a camera's address before it is in any settings: what the command line and the page show. */

import { hideLogins } from "../secrets/redact.js";
import { type CameraAddress, type CameraProbe, probeCamera } from "./rtsp-probe.js";
import { type CameraFinding, findings } from "./verdict.js";

export interface CameraTest {
  /** Without a login. */
  readonly address: string;
  readonly probe: CameraProbe;
  /** Empty: it offers video that can be shown. */
  readonly findings: readonly CameraFinding[];
}

export async function testCamera(camera: CameraAddress, seconds: number): Promise<CameraTest> {
  const timeout = AbortSignal.timeout(seconds * 1000);
  const probe = await probeCamera(camera, timeout).catch((error: unknown): CameraProbe => {
    if (!timeout.aborted) throw error;
    return { t: "unreachable", detail: `no answer within ${seconds} s` };
  });
  return { address: hideLogins(camera.uri), probe, findings: findings(probe) };
}
