/** Which of the networks that a configuration names nvinfer takes on a release. */

import type { NetworkFormat } from "../../../common/catalogue/data.js";
import { isWithin } from "../../../common/catalogue/release.js";
import { type Bundle, property } from "./bundle.js";
import type { Setting } from "./ini.js";

export interface Network {
  readonly format: NetworkFormat;
  readonly setting: Setting;
  /** The release has no reader for it. */
  readonly isGone: boolean;
}

/** The network that is read; if there is none, the first one that cannot be. */
export function networkOf(
  bundle: Bundle,
  formats: readonly NetworkFormat[],
  release: string,
): Network | undefined {
  const named = formats.flatMap((format) => {
    const setting = format.keys
      .map((key) => property(bundle, key))
      .find((found) => found !== undefined);
    if (setting === undefined) return [];
    const isGone = !isWithin({ since: "5.0", until: format.until }, release);
    return [{ format, setting, isGone }];
  });
  return named.find(({ format, isGone }) => !isGone || !format.passedOver) ?? named[0];
}

/** Pictures that the network takes at once; undefined: any number, or not known. */
export function batchOf(bundle: Bundle, network: Network): number | undefined {
  const facts = bundle.files.get(network.setting.value);
  return facts?.t === "onnx" ? facts.onnx.batch : undefined;
}
