/** Reads what stands in settings instead of a secret: secret:NAME. */

import { SECRET_NAME } from "../secrets/secrets.js";
import type { Reader } from "./readers.js";

/** A secret by its name. The name may be shown. */
export interface SecretReference {
  readonly secret: string;
}

const NAME = SECRET_NAME.source.replace(/^\^|\$$/g, "");
const REFERENCE = new RegExp(`^secret:(${NAME})$`);
/** The value of a parameter of an address: /stream?user=admin&password=secret:NAME. */
const IN_ADDRESS = new RegExp(`([?&;]\\w{1,64}=)secret:(${NAME})(?=[&;#]|$)`, "g");

/** A text that is refused is not repeated: it may be the secret itself. */
export function secretReference(): Reader<SecretReference> {
  const allowed = "secret:NAME, with the name of a secret";
  return {
    allowed,
    json: { type: "string", pattern: REFERENCE.source },
    read(text) {
      const secret = REFERENCE.exec(text)?.[1];
      if (secret !== undefined) return { t: "value", value: { secret } };
      return { t: "refused", refusals: [{ value: "***", allowed }] };
    },
  };
}

/** Several references, separated by commas. */
export function secretReferences(): Reader<readonly SecretReference[]> {
  const one = secretReference();
  return {
    allowed: "a comma-separated list of secret:NAME",
    json: { type: "string" },
    read(text) {
      const readings = text
        .split(",")
        .map((item) => item.trim())
        .filter((item) => item !== "")
        .map((item) => one.read(item));
      const refusals = readings.flatMap((reading) =>
        reading.t === "refused" ? reading.refusals : [],
      );
      if (refusals.length > 0) return { t: "refused", refusals };
      return {
        t: "value",
        value: readings.flatMap((reading) => (reading.t === "value" ? [reading.value] : [])),
      };
    },
  };
}

/** The address with every reference in its parameters replaced by what `find` gives; undefined leaves it. */
export function fillAddress(uri: string, find: (name: string) => string | undefined): string {
  return uri.replace(IN_ADDRESS, (whole, parameter: string, name: string) => {
    const value = find(name);
    return value === undefined ? whole : parameter + encodeURIComponent(value);
  });
}
