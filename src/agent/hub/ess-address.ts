/** Where the node's Edge Sync Service is, as Horizon's agent says it in the environment of every container. */

export interface EssAddress {
  readonly socketPath: string;
  /** Files that Horizon's agent writes, and writes anew. */
  readonly certificate: string;
  readonly credentials: string;
}

export type EssPlace =
  | { readonly t: "ess"; readonly address: EssAddress }
  /** Not started by Horizon. */
  | { readonly t: "none" }
  /** Started by Horizon in a way that is not known. */
  | { readonly t: "unusable"; readonly detail: string };

type Environment = Readonly<Record<string, string | undefined>>;

/** Horizon's agent listens on a Unix socket, with TLS: `secure-unix`. */
const PROTOCOL = "secure-unix";

export function essPlace(env: Environment): EssPlace {
  const names = ["HZN_ESS_API_ADDRESS", "HZN_ESS_CERT", "HZN_ESS_AUTH"] as const;
  const [socketPath = "", certificate = "", credentials = ""] = names.map((name) => env[name]);
  const unset = names.filter((name) => (env[name] ?? "") === "");
  if (unset.length === names.length) return { t: "none" };
  if (unset.length > 0) return { t: "unusable", detail: `${unset.join(", ")} is not set` };
  const protocol = env["HZN_ESS_API_PROTOCOL"] ?? PROTOCOL;
  if (protocol !== PROTOCOL) {
    const detail = `HZN_ESS_API_PROTOCOL is "${protocol}"; known: ${PROTOCOL}`;
    return { t: "unusable", detail };
  }
  return { t: "ess", address: { socketPath, certificate, credentials } };
}
