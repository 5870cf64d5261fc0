/** Rules for one container of a service: what Horizon's tools take without a word and the node does not. */

import { isIP } from "node:net";
import { isObject, type Path } from "../../common/json/document.js";
import type { Report } from "./schema-check.js";

type Container = Readonly<Record<string, unknown>>;

/** The rules for a container that stands alone; those that compare containers are in `service-definition.ts`. */
export function checkContainer(container: Container, path: Path, report: Report): void {
  checkImage(container["image"], [...path, "image"], report);
  checkPrivilege(container, path, report);
  checkNamespaces(container, path, report);
  for (const key of ["ports", "specific_ports"]) {
    for (const [i, port] of listOf(container[key])) checkPort(port, [...path, key, i], report);
  }
  for (const [i, port] of listOf(container["ephemeral_ports"])) {
    const spec = isObject(port) ? port["port_and_protocol"] : undefined;
    if (typeof spec === "string" && parsePort(spec) === undefined) {
      const message = `'${spec}' is no port: it is written 8080/tcp`;
      report.error("port-form", [...path, "ephemeral_ports", i, "port_and_protocol"], message);
    }
  }
  checkBinds(container, path, report);
  checkTmpfs(container["tmpfs"], [...path, "tmpfs"], report);
  for (const [i, device] of listOf(container["devices"]))
    checkDevice(device, [...path, "devices", i], report);
  checkLimit(container, "max_memory_mb", path, report);
  checkLimit(container, "max_cpus", path, report);
  if (container["specific_ports"] !== undefined) {
    report.warning("obsolete-key", [...path, "specific_ports"], "is the old spelling of ports");
  }
}

function checkImage(image: unknown, path: Path, report: Report): void {
  if (typeof image !== "string" || image === "") return;
  const parsed = parseImageName(image);
  if (parsed === undefined) {
    report.error("image-name", path, `'${image}' is no name of an image`);
  } else if (parsed.digest === undefined && (parsed.tag === undefined || parsed.tag === "latest")) {
    const message = `'${image}' can mean another image tomorrow: give it a version or a digest`;
    report.warning("floating-image", path, message);
  }
}

function checkPrivilege(container: Container, path: Path, report: Report): void {
  const need = "the service runs only on nodes whose openhorizon.allowPrivileged is true";
  if (container["privileged"] === true) report.warning("privileged", [...path, "privileged"], need);
  const { network } = container;
  if (network === "host") {
    const message = `${need}, and the other containers cannot reach this one by its key`;
    report.warning("host-network", [...path, "network"], message);
  } else if (typeof network === "string" && network !== "") {
    report.error(
      "network",
      [...path, "network"],
      `'${network}' has no effect: only host has a meaning`,
    );
  }
}

function checkNamespaces(container: Container, path: Path, report: Report): void {
  for (const key of ["pid", "ipc"]) {
    const value = container[key];
    if (typeof value === "string" && value.startsWith("container:")) {
      const message = "cannot name another container: its name holds the id of the agreement";
      report.error("container-namespace", [...path, key], message);
    }
  }
}

export interface Port {
  readonly number: number;
  readonly protocol: string;
}

/** `8554` or `8554/tcp`. */
export function parsePort(text: string): Port | undefined {
  const [, digits, protocol = "tcp"] = /^(\d{1,5})(?:\/(tcp|udp|sctp))?$/.exec(text) ?? [];
  const number = Number(digits);
  return number >= 1 && number <= 65_535 ? { number, protocol } : undefined;
}

/** The port of the host that `8554:8554/tcp` or `8554/tcp` takes. */
export function hostPortOf(text: string): Port | undefined {
  const colon = text.indexOf(":");
  if (colon < 0) return parsePort(text);
  const inside = parsePort(text.slice(colon + 1));
  const outside = parsePort(text.slice(0, colon));
  return inside === undefined || outside === undefined
    ? undefined
    : { ...outside, protocol: inside.protocol };
}

/** The port of the Horizon agent on every node. */
const agentPort = 8510;

function checkPort(port: unknown, path: Path, report: Report): void {
  if (!isObject(port)) return;
  const { HostPort: spec, HostIP: address } = port;
  if (typeof spec === "string" && spec !== "") {
    const host = hostPortOf(spec);
    if (host === undefined) {
      report.error(
        "port-form",
        [...path, "HostPort"],
        `'${spec}' is no port: it is written 8554:8554/tcp`,
      );
    } else if (host.number === agentPort) {
      report.error(
        "agent-port",
        [...path, "HostPort"],
        `${agentPort} is the port of the Horizon agent`,
      );
    }
  }
  if (typeof address === "string" && address !== "" && isIP(address) === 0) {
    report.error("port-address", [...path, "HostIP"], `'${address}' is no IP address`);
  }
}

function checkBinds(container: Container, path: Path, report: Report): void {
  const targets = new Set(isObject(container["tmpfs"]) ? Object.keys(container["tmpfs"]) : []);
  for (const [i, bind] of listOf(container["binds"])) {
    if (typeof bind !== "string") continue;
    const here = [...path, "binds", i];
    const [source = "", target = "", options] = bind.split(":");
    if (!target.startsWith("/") || bind.split(":").length > 3) {
      report.error(
        "bind-form",
        here,
        `'${bind}' is no bind: it is written name:/path or /host/path:/path:ro`,
      );
      continue;
    }
    if (!source.startsWith("/") && !/^[A-Za-z0-9][A-Za-z0-9_.-]+$/.test(source)) {
      report.error(
        "bind-form",
        here,
        `'${source}' is neither a path from / nor the name of a volume`,
      );
    }
    if (targets.has(target)) report.error("mount-clash", here, `${target} is mounted twice`);
    targets.add(target);
    if (source.startsWith("/") && container["privileged"] !== true) {
      const may = options === "ro" ? "read" : "written";
      const message = `a node where ${source} exists and may not be ${may} by everybody refuses the service`;
      report.warning("host-path", here, message);
    }
  }
}

function checkTmpfs(tmpfs: unknown, path: Path, report: Report): void {
  if (!isObject(tmpfs)) return;
  for (const target of Object.keys(tmpfs)) {
    if (!target.startsWith("/"))
      report.error("tmpfs-path", [...path, target], "must be a path from /");
  }
}

function checkDevice(device: unknown, path: Path, report: Report): void {
  if (typeof device !== "string" || device.startsWith("/")) return;
  const message = device.includes("=")
    ? `'${device}' is a CDI name, which Horizon takes for a path; the GPU comes from Docker's default runtime`
    : `'${device}' is no device: it is written /dev/video0 or /dev/video0:/dev/video0:rw`;
  report.error("device-form", path, message);
}

function checkLimit(container: Container, key: string, path: Path, report: Report): void {
  const limit = container[key];
  if (typeof limit === "number" && limit < 0)
    report.error("limit", [...path, key], "must not be negative");
}

function listOf(value: unknown): ReadonlyArray<readonly [number, unknown]> {
  return Array.isArray(value) ? [...value.entries()] : [];
}

export interface ImageName {
  readonly repository: string;
  readonly tag: string | undefined;
  readonly digest: string | undefined;
}

const component = "[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*";
const host = "[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]+)?";
const name = new RegExp(
  `^((?:${host}/)?${component}(?:/${component})*)(?::([A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?(?:@(sha256:[0-9a-f]{64}))?$`,
);

/** Undefined where the text is no name of an image. */
export function parseImageName(text: string): ImageName | undefined {
  const [, repository, tag, digest] = name.exec(text) ?? [];
  return repository === undefined ? undefined : { repository, tag, digest };
}
