/** Rules for a single container of a service: what Horizon's tools accept silently and the node does not. */

import { isIP } from "node:net";
import type { JsonObject, Path } from "../../common/json/document.js";
import { asList, asObject, objectEntries } from "../json.js";
import type { Reporter } from "./schema-check.js";

/** The rules that compare containers with each other are in `service-definition.ts`. */
export function checkContainer(container: JsonObject, path: Path, reporter: Reporter): void {
  checkImage(container["image"], [...path, "image"], reporter);
  checkPrivilege(container, path, reporter);
  checkNamespaces(container, path, reporter);
  for (const key of ["ports", "specific_ports"]) {
    for (const [i, port] of objectEntries(container[key])) {
      checkPort(port, [...path, key, i], reporter);
    }
  }
  for (const [i, port] of objectEntries(container["ephemeral_ports"])) {
    const spec = port["port_and_protocol"];
    if (typeof spec === "string" && parsePort(spec) === undefined) {
      const message = `'${spec}' is not a port: write it as 8080/tcp`;
      reporter.error("port-form", [...path, "ephemeral_ports", i, "port_and_protocol"], message);
    }
  }
  checkBinds(container, path, reporter);
  for (const target of Object.keys(asObject(container["tmpfs"]))) {
    if (target.startsWith("/")) continue;
    reporter.error("tmpfs-path", [...path, "tmpfs", target], "must be a path from /");
  }
  for (const [i, device] of asList(container["devices"]).entries()) {
    checkDevice(device, [...path, "devices", i], reporter);
  }
  for (const key of ["max_memory_mb", "max_cpus"]) {
    const limit = container[key];
    if (typeof limit === "number" && limit < 0) {
      reporter.error("limit", [...path, key], "must not be negative");
    }
  }
  if (container["specific_ports"] !== undefined) {
    reporter.warning("obsolete-key", [...path, "specific_ports"], "is the old spelling of ports");
  }
}

function checkImage(image: unknown, path: Path, reporter: Reporter): void {
  if (typeof image !== "string" || image === "") return;
  const parsed = parseImageName(image);
  if (parsed === undefined) {
    reporter.error("image-name", path, `'${image}' is not the name of an image`);
  } else if (parsed.digest === undefined && (parsed.tag ?? "latest") === "latest") {
    const message = `'${image}' may be another image tomorrow: give it a version or a digest`;
    reporter.warning("floating-image", path, message);
  }
}

interface ImageName {
  readonly repository: string;
  readonly tag: string | undefined;
  readonly digest: string | undefined;
}

const COMPONENT = "[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*";
const HOST = "[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]+)?";
const IMAGE_NAME = new RegExp(
  `^((?:${HOST}/)?${COMPONENT}(?:/${COMPONENT})*)(?::([A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?(?:@(sha256:[0-9a-f]{64}))?$`,
);

/** Undefined: the text is not the name of an image. */
export function parseImageName(text: string): ImageName | undefined {
  const [, repository, tag, digest] = IMAGE_NAME.exec(text) ?? [];
  return repository === undefined ? undefined : { repository, tag, digest };
}

function checkPrivilege({ privileged, network }: JsonObject, path: Path, reporter: Reporter): void {
  const need = "the service runs only on nodes whose openhorizon.allowPrivileged is true";
  if (privileged === true) reporter.warning("privileged", [...path, "privileged"], need);
  if (network === "host") {
    const message = `${need}, and the other containers cannot reach this one by its key`;
    reporter.warning("host-network", [...path, "network"], message);
  } else if (typeof network === "string" && network !== "") {
    const message = `'${network}' has no effect: only host has a meaning`;
    reporter.error("network", [...path, "network"], message);
  }
}

function checkNamespaces(container: JsonObject, path: Path, reporter: Reporter): void {
  for (const key of ["pid", "ipc"]) {
    const value = container[key];
    if (typeof value === "string" && value.startsWith("container:")) {
      const message = "cannot name another container: its name contains the id of the agreement";
      reporter.error("container-namespace", [...path, key], message);
    }
  }
}

export interface Port {
  readonly number: number;
  readonly protocol: string;
}

/** `8554` or `8554/tcp`. */
function parsePort(text: string): Port | undefined {
  const [, digits, protocol = "tcp"] = /^(\d{1,5})(?:\/(tcp|udp|sctp))?$/.exec(text) ?? [];
  const number = Number(digits);
  return number >= 1 && number <= 65_535 ? { number, protocol } : undefined;
}

/** The port of the host that `8554:8554/tcp` or `8554/tcp` uses. */
export function hostPortOf(text: string): Port | undefined {
  const colon = text.indexOf(":");
  if (colon < 0) return parsePort(text);
  const inside = parsePort(text.slice(colon + 1));
  const outside = parsePort(text.slice(0, colon));
  return inside && outside && { ...outside, protocol: inside.protocol };
}

/** The port of the Horizon agent on every node. */
const AGENT_PORT = 8510;

function checkPort(port: JsonObject, path: Path, reporter: Reporter): void {
  const { HostPort: spec, HostIP: address } = port;
  if (typeof spec === "string" && spec !== "") {
    const host = hostPortOf(spec);
    if (host === undefined) {
      const message = `'${spec}' is not a port: write it as 8554:8554/tcp`;
      reporter.error("port-form", [...path, "HostPort"], message);
    } else if (host.number === AGENT_PORT) {
      const message = `${AGENT_PORT} is the port of the Horizon agent`;
      reporter.error("agent-port", [...path, "HostPort"], message);
    }
  }
  if (typeof address === "string" && address !== "" && isIP(address) === 0) {
    reporter.error("port-address", [...path, "HostIP"], `'${address}' is not an IP address`);
  }
}

function checkBinds(container: JsonObject, path: Path, reporter: Reporter): void {
  const targets = new Set(Object.keys(asObject(container["tmpfs"])));
  for (const [i, bind] of asList(container["binds"]).entries()) {
    if (typeof bind !== "string") continue;
    const here = [...path, "binds", i];
    const [source = "", target = "", options] = bind.split(":");
    if (!target.startsWith("/") || bind.split(":").length > 3) {
      const message = `'${bind}' is not a bind: write it as name:/path or /host/path:/path:ro`;
      reporter.error("bind-form", here, message);
      continue;
    }
    if (!source.startsWith("/") && !/^[A-Za-z0-9][A-Za-z0-9_.-]+$/.test(source)) {
      const message = `'${source}' is neither a path from / nor the name of a volume`;
      reporter.error("bind-form", here, message);
    }
    if (targets.has(target)) reporter.error("mount-clash", here, `${target} is mounted twice`);
    targets.add(target);
    if (source.startsWith("/") && container["privileged"] !== true) {
      const access = options === "ro" ? "readable" : "writable";
      const message = `a node on which ${source} exists and is not ${access} for everybody refuses the service`;
      reporter.warning("host-path", here, message);
    }
  }
}

function checkDevice(device: unknown, path: Path, reporter: Reporter): void {
  if (typeof device !== "string" || device.startsWith("/")) return;
  const message = device.includes("=")
    ? `'${device}' is a CDI name, which Horizon takes for a path; the GPU comes from Docker's default runtime`
    : `'${device}' is not a device: write it as /dev/video0 or /dev/video0:/dev/video0:rw`;
  reporter.error("device-form", path, message);
}

/** Adds the host's ports of a container to `taken`, by their names the keys of the containers. */
export function checkPortClash(
  key: string,
  container: JsonObject,
  path: Path,
  taken: Map<string, string>,
  reporter: Reporter,
): void {
  for (const list of ["ports", "specific_ports"]) {
    for (const [i, { HostPort: spec }] of objectEntries(container[list])) {
      const host = typeof spec === "string" ? hostPortOf(spec) : undefined;
      if (host === undefined) continue;
      const name = `${host.number}/${host.protocol}`;
      const owner = taken.get(name);
      if (owner !== undefined) {
        const message = `the node's port ${name} is already used by the container ${owner}`;
        reporter.error("port-clash", [...path, list, i, "HostPort"], message);
      }
      taken.set(name, key);
    }
  }
}
