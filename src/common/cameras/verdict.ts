/** What an answer of a camera means, and what to do. Pure. `slipstream cameras test` and the doctor say the same. */

import type { CameraProbe } from "./rtsp-probe.js";

export interface CameraFinding {
  /** Stable name for programs. */
  readonly code:
    | "camera-name"
    | "camera-reachable"
    | "camera-protocol"
    | "camera-certificate"
    | "camera-login"
    | "camera-path"
    | "camera-video"
    | "camera-codec"
    | "camera-clock"
    | "camera-slow";
  readonly severity: "error" | "warning";
  readonly detail: string;
  readonly cure: string;
}

/** What every engine decodes. */
const CODECS = ["H264", "H265", "JPEG"];
/** A clock that is further off makes times in recordings and events wrong. */
const MOST_OFFSET_MS = 5_000;
const SLOW_MS = 2_000;

/** Empty: it offers video that can be shown. */
export function findings(probe: CameraProbe): CameraFinding[] {
  switch (probe.t) {
    case "no such host":
      return error(
        "camera-name",
        `no address is known for ${probe.host}`,
        "correct the name, or use the camera's IP address; check the node's DNS server",
      );
    case "unreachable":
      return error(
        "camera-reachable",
        `nothing answers (${probe.detail})`,
        "check address, port, cable, power and firewall",
      );
    case "not rtsp":
      return error(
        "camera-protocol",
        `something answers, but not RTSP: ${probe.detail}`,
        "correct the port: RTSP usually has 554",
      );
    case "certificate":
      return error(
        "camera-certificate",
        `its certificate is not trusted (${probe.detail})`,
        "install its issuer on the node, or set RTSPS_ACCEPT_ANY_CERTIFICATE=yes",
      );
    case "login refused":
      return probe.hasLogin
        ? error(
            "camera-login",
            "it refuses the user name and password",
            "correct the login; unlock the account on the camera",
          )
        : error(
            "camera-login",
            "it requires a login",
            "put one into the address, or name a secret: rtsp://secret:NAME@host/path",
          );
    case "refused":
      return error(
        "camera-path",
        `it answers ${probe.status} ${probe.detail}`,
        "correct the path in the address; the camera's web page shows it",
      );
    case "answers":
      return ofStreams(probe);
    default:
      return probe satisfies never;
  }
}

function ofStreams(probe: Extract<CameraProbe, { t: "answers" }>): CameraFinding[] {
  const { streams, clockOffsetMs: offset, answerMs } = probe;
  const video = streams.filter(({ kind }) => kind === "video").map(({ encoding }) => encoding);
  const found: CameraFinding[] = [];
  if (video.length === 0) {
    const offered = streams.map(({ kind }) => kind).join(", ") || "nothing";
    found.push(
      ...error(
        "camera-video",
        `it offers ${offered}, and no video`,
        "choose another path, or turn on the camera's video",
      ),
    );
  } else if (!video.some((encoding) => CODECS.includes(encoding.toUpperCase()))) {
    found.push(
      ...error(
        "camera-codec",
        `it sends ${video.join(", ")}`,
        "choose H.264 or H.265 on the camera",
      ),
    );
  }
  if (offset !== undefined && Math.abs(offset) > MOST_OFFSET_MS) {
    const seconds = Math.round(Math.abs(offset) / 1000);
    const detail = `its clock is ${seconds} s ${offset > 0 ? "ahead" : "behind"}`;
    found.push(
      warning(
        "camera-clock",
        detail,
        "set the camera's time server (NTP) to the one that the node uses",
      ),
    );
  }
  if (answerMs > SLOW_MS) {
    const detail = `its answer took ${(answerMs / 1000).toFixed(1)} s`;
    found.push(
      warning(
        "camera-slow",
        detail,
        "close other viewers of the camera; check its network for packet loss",
      ),
    );
  }
  return found;
}

function error(code: CameraFinding["code"], detail: string, cure: string): CameraFinding[] {
  return [{ code, severity: "error", detail, cure }];
}

function warning(code: CameraFinding["code"], detail: string, cure: string): CameraFinding {
  return { code, severity: "warning", detail, cure };
}
