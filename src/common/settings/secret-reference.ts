/** References to secrets in settings: secret:NAME. */

import { SECRET_NAME } from "../secrets/secrets.js";
import { type Format, format, listOf, secret } from "./format.js";

/** The name of a secret, which may be shown. */
export interface SecretReference {
  readonly secret: string;
}

const NAME = SECRET_NAME.source.replace(/^\^|\$$/g, "");
const REFERENCE = new RegExp(`^secret:(${NAME})$`);
/** As the value of a parameter of an address: /stream?user=admin&password=secret:NAME. */
const IN_ADDRESS = new RegExp(`([?&;]\\w{1,64}=)secret:(${NAME})(?=[&;#]|$)`, "g");

export function secretReference(): Format<SecretReference> {
  return secret(
    format(
      "secret:NAME, with the name of a secret",
      { type: "string", pattern: REFERENCE.source },
      (text) => {
        const name = REFERENCE.exec(text)?.[1];
        return name === undefined ? undefined : { secret: name };
      },
    ),
  );
}

/** The name in a reference. A setting's value is no object, which convict would take for several settings. */
export function secretName(): Format<string> {
  const reference = secretReference();
  return {
    ...reference,
    read(text) {
      const reading = reference.read(text);
      return reading.t === "value" ? { t: "value", value: reading.value.secret } : reading;
    },
  };
}

/** Several references, separated by commas. */
export function secretReferences(): Format<readonly SecretReference[]> {
  return listOf(secretReference(), "a comma-separated list of secret:NAME");
}

/** Replaces the references in the parameters of an address. If `find` returns undefined, the reference stays. */
export function fillAddress(uri: string, find: (name: string) => string | undefined): string {
  return uri.replace(IN_ADDRESS, (whole, parameter: string, name: string) => {
    const value = find(name);
    return value === undefined ? whole : parameter + encodeURIComponent(value);
  });
}
