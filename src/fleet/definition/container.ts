/** Rules for a single container of a service: what Horizon's tools accept silently and the node does not. */

import { isIP } from "node:net";
import type { JsonObject } from "../../common/json/document.js";
import { asList, asObject, objectEntries } from "../json.js";
import type { Reporter } from "./schema-check.js";

/** The rules that compare containers with each other are in `service-definition.ts`. */
export function checkContainer(container: JsonObject, reporter: Reporter): void {
  checkImage(container["image"], reporter.at("image"));
  checkPrivilege(container, reporter);
  checkNamespaces(container, reporter);
  for (const key of ["ports", "specific_ports"]) {
    for (const [i, port] of objectEntries(container[key])) {
      checkPort(port, reporter.at(key, i));
    }
  }
  for (const [i, port] of objectEntries(container["ephemeral_ports"])) {
    const spec = port["port_and_protocol"];
    if (typeof spec === "string" && parsePort(spec) === undefined) {
      const message = `'${spec}' is not a port: write it as 8080/tcp`;
      reporter.at("ephemeral_ports", i, "port_and_protocol").error("port-form", message);
    }
  }
  checkBinds(container, reporter);
  for (const target of Object.keys(asObject(container["tmpfs"]))) {
    if (target.startsWith("/")) continue;
    reporter.at("tmpfs", target).error("tmpfs-path", "must be a path from /");
  }
  for (const [i, device] of asList(container["devices"]).entries()) {
    checkDevice(device, reporter.at("devices", i));
  }
  for (const key of ["max_memory_mb", "max_cpus"]) {
    const limit = container[key];
    if (typeof limit === "number" && limit < 0) {
      reporter.at(key).error("limit", "must not be negative");
    }
  }
  if (container["specific_ports"] !== undefined) {
    reporter.at("specific_ports").warning("obsolete-key", "is the old spelling of ports");
  }
}

function checkImage(image: unknown, reporter: Reporter): void {
  if (typeof image !== "string" || image === "") return;
  const parsed = parseImageName(image);
  if (parsed === undefined) {
    reporter.error("image-name", `'${image}' is not the name of an image`);
  } else if (parsed.digest === undefined && (parsed.tag ?? "latest") === "latest") {
    const message = `'${image}' may be another image tomorrow: give it a version or a digest`;
    reporter.warning("floating-image", message);
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

function checkPrivilege({ privileged, network }: JsonObject, reporter: Reporter): void {
  const need = "the service runs only on nodes whose openhorizon.allowPrivileged is true";
  if (privileged === true) reporter.at("privileged").warning("privileged", need);
  if (network === "host") {
    const message = `${need}, and the other containers cannot reach this one by its key`;
    reporter.at("network").warning("host-network", message);
  } else if (typeof network === "string" && network !== "") {
    reporter.at("network").error("network", `'${network}' has no effect: only host has a meaning`);
  }
}

function checkNamespaces(container: JsonObject, reporter: Reporter): void {
  for (const key of ["pid", "ipc"]) {
    const value = container[key];
    if (typeof value === "string" && value.startsWith("container:")) {
      const message = "cannot name another container: its name contains the id of the agreement";
      reporter.at(key).error("container-namespace", message);
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

function checkPort(port: JsonObject, reporter: Reporter): void {
  const { HostPort: spec, HostIP: address } = port;
  if (typeof spec === "string" && spec !== "") {
    const host = hostPortOf(spec);
    if (host === undefined) {
      const message = `'${spec}' is not a port: write it as 8554:8554/tcp`;
      reporter.at("HostPort").error("port-form", message);
    } else if (host.number === AGENT_PORT) {
      reporter.at("HostPort").error("agent-port", `${AGENT_PORT} is the port of the Horizon agent`);
    }
  }
  if (typeof address === "string" && address !== "" && isIP(address) === 0) {
    reporter.at("HostIP").error("port-address", `'${address}' is not an IP address`);
  }
}

function checkBinds(container: JsonObject, reporter: Reporter): void {
  const targets = new Set(Object.keys(asObject(container["tmpfs"])));
  for (const [i, bind] of asList(container["binds"]).entries()) {
    if (typeof bind !== "string") continue;
    const here = reporter.at("binds", i);
    const [source = "", target = "", options] = bind.split(":");
    if (!target.startsWith("/") || bind.split(":").length > 3) {
      const message = `'${bind}' is not a bind: write it as name:/path or /host/path:/path:ro`;
      here.error("bind-form", message);
      continue;
    }
    if (!source.startsWith("/") && !/^[A-Za-z0-9][A-Za-z0-9_.-]+$/.test(source)) {
      here.error("bind-form", `'${source}' is neither a path from / nor the name of a volume`);
    }
    if (targets.has(target)) here.error("mount-clash", `${target} is mounted twice`);
    targets.add(target);
    if (source.startsWith("/") && container["privileged"] !== true) {
      const access = options === "ro" ? "readable" : "writable";
      const message = `a node on which ${source} exists and is not ${access} for everybody refuses the service`;
      here.warning("host-path", message);
    }
  }
}

function checkDevice(device: unknown, reporter: Reporter): void {
  if (typeof device !== "string" || device.startsWith("/")) return;
  const message = device.includes("=")
    ? `'${device}' is a CDI name, which Horizon takes for a path; the GPU comes from Docker's default runtime`
    : `'${device}' is not a device: write it as /dev/video0 or /dev/video0:/dev/video0:rw`;
  reporter.error("device-form", message);
}

/** Adds the host ports of a container to `taken`, where each has the key of its container. */
export function checkPortClash(
  key: string,
  container: JsonObject,
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
        reporter.at(list, i, "HostPort").error("port-clash", message);
      }
      taken.set(name, key);
    }
  }
}
