/** Rules about cameras: ids, addresses, masks. */

import { type Problem, problem } from "../../../common/problem.js";
import { ID, ID_FORM } from "../../../common/settings/camera-id.js";
import { CAMERA_SCHEMES, readCameraUri } from "../../../common/settings/camera-uri.js";
import type { Camera, Polygon } from "./spec.js";

export function cameraProblems(cameras: readonly Camera[]): Problem[] {
  if (cameras.length === 0) {
    return [problem("missing-field", "cameras", "there is no camera: give at least one")];
  }
  return [
    ...idProblems(cameras, "cameras"),
    ...cameras.flatMap((camera, i) => uriProblems(camera.uri, `cameras[${i}].uri`)),
    ...cameras.flatMap((camera, i) =>
      (camera.masks ?? []).flatMap((mask, j) => maskProblems(mask, `cameras[${i}].masks[${j}]`)),
    ),
  ];
}

/** Ids of cameras, or of outputs, are of one form and unique. */
export function idProblems(items: readonly { readonly id?: string }[], path: string): Problem[] {
  const first = new Map<string, number>();
  return items.flatMap(({ id = "" }, i) => {
    const at = `${path}[${i}].id`;
    if (id === "") return [problem("missing-field", at, "it has no id")];
    if (!ID.test(id)) {
      return [problem("invalid-id", at, `"${id}" is no id: ${ID_FORM}`)];
    }
    const taken = first.get(id);
    if (taken === undefined) {
      first.set(id, i);
      return [];
    }
    return [problem("duplicate-id", at, `${path}[${taken}] has the id ${id} already`)];
  });
}

/** Never repeats the address: it may hold a login. */
function uriProblems(uri: string | undefined, path: string): Problem[] {
  if (uri === undefined || uri === "") {
    return [problem("missing-field", path, `it has no address: give ${CAMERA_SCHEMES}`)];
  }
  const read = readCameraUri(uri);
  if (read.t === "refused") {
    return [problem("invalid-uri", path, `it is no address of a camera: give ${read.allowed}`)];
  }
  if (read.credentials === undefined) return [];
  return [problem("login-in-uri", path, "it carries a login: move it into credentials")];
}

function maskProblems(mask: Polygon, path: string): Problem[] {
  const points = mask.points ?? [];
  if (points.length < 3) {
    const message = `a mask has at least 3 points, this one has ${points.length}`;
    return [problem("out-of-range", `${path}.points`, message)];
  }
  return points.flatMap(({ x = 0, y = 0 }, i) => {
    if (x >= 0 && x <= 1 && y >= 0 && y <= 1) return [];
    const message = `(${x}, ${y}) is outside: points are fractions of the frame, 0 to 1`;
    return [problem("out-of-range", `${path}.points[${i}]`, message)];
  });
}
