/** Addresses of the servers that events go to. A login belongs in a secret, not in the address. */

import { refusal } from "../problem.js";
import { type Format, REFUSED } from "./format.js";
import { UNPRINTABLE } from "./formats.js";

const LONGEST_URL = 2048;

/** No message shows the address: a parameter may be a secret. */
export function serverUrl(...schemes: readonly string[]): Format<string> {
  const forms = schemes.map((scheme) => `${scheme}://host`).join(" or ");
  const allowed = `${forms}, with a port if it is not the usual one, and without a login`;
  return {
    allowed,
    json: { type: "string", maxLength: LONGEST_URL },
    read(text) {
      const isUrl = text.length <= LONGEST_URL && !UNPRINTABLE.test(text) && URL.canParse(text);
      const url = isUrl ? new URL(text) : undefined;
      const isAllowed =
        url !== undefined && schemes.includes(url.protocol.slice(0, -1)) && url.hostname !== "";
      if (isAllowed && url.username === "" && url.password === "") {
        return { t: "value", value: text };
      }
      const hint = isAllowed ? "write user and password as a secret" : undefined;
      return { t: "refused", messages: [refusal(REFUSED, allowed, hint)] };
    },
  };
}
