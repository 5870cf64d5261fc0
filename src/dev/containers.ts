/** Runs the containers of a service definition as Horizon's agent does: how it calls Docker, networks, and volumes. */

import { docker } from "../common/docker.js";
import { isObject } from "../common/json/document.js";

/** A service as it runs under one agreement. */
export interface Agreement {
  /** Name of the network, and first part of the containers' names. */
  readonly id: string;
  readonly arch: string;
  /** Values of userInput by name, which override the definition's defaults. */
  readonly inputs: Readonly<Record<string, string | undefined>>;
}

export interface Container {
  readonly key: string;
  readonly name: string;
  readonly image: string;
  /** Options of `docker run`, without those that depend on who restarts the container. */
  readonly options: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
}

/** The definition cannot be run as it is. */
export class DefinitionError extends Error {
  override readonly name = "DefinitionError";
}

/**
 * In the order of the definition; Horizon's agent starts them in any order.
 *
 * @param definition as `hzn` reads it, with variables replaced
 */
export function containersOf(definition: unknown, agreement: Agreement): Container[] {
  const { deployment, userInput, org } = object(definition, "the definition");
  const { services } = object(deployment, "deployment");
  const environment = {
    ...horizonEnvironment(agreement, text(org)),
    ...inputValues(list(userInput), agreement.inputs),
  };
  return Object.entries(object(services, "deployment.services")).map(([key, value]) => {
    const container = object(value, key);
    const name = `${agreement.id}-${key}`;
    const image = text(container["image"]);
    return { key, name, image, environment, options: optionsOf(container, key, agreement.id) };
  });
}

/** What Horizon does not set, such as the user, is up to the image. */
function optionsOf(
  container: Readonly<Record<string, unknown>>,
  key: string,
  network: string,
): string[] {
  const { binds, tmpfs = {}, ports, log_driver: logDriver = "json-file" } = container;
  const { max_memory_mb: memory, security_opt: securityOptions } = container;
  return [
    ...["--network", network, "--network-alias", key, "--log-driver", text(logDriver)],
    ...(typeof memory === "number" ? ["--memory", `${memory}m`] : []),
    ...list(securityOptions).flatMap((option) => ["--security-opt", text(option)]),
    ...list(binds).flatMap((bind) => ["--volume", text(bind)]),
    ...Object.entries(object(tmpfs, "tmpfs")).flatMap(([path, options]) => [
      ...["--tmpfs", `${path}:${text(options)}`],
    ]),
    ...list(ports).flatMap((port) => {
      const { HostPort: ports, HostIP: address } = object(port, "a port");
      return ["--publish", address === undefined ? text(ports) : `${text(address)}:${text(ports)}`];
    }),
  ];
}

/** The arguments that start a container in the background, to be restarted by Docker. */
export function detachedArguments(container: Container): string[] {
  return runArguments(["--detach"], ["--restart", "always"], container);
}

/** The arguments that start a container which this process watches, and holds by its standard input. */
export function attachedArguments(container: Container): string[] {
  const environment = { ...container.environment, SLIPSTREAM_LIFELINE: "" };
  const flags = ["--interactive", "--rm", "--stop-timeout", "1"];
  return runArguments(flags, [], { ...container, environment });
}

/** Docker takes the values of variables from its own environment, so that no login is on its command line. */
function runArguments(
  flags: readonly string[],
  restart: readonly string[],
  { name, options, environment, image }: Container,
): string[] {
  const names = Object.keys(environment).flatMap((variable) => ["--env", variable]);
  return ["run", ...flags, "--name", name, ...restart, ...options, ...names, image];
}

/** Starts containers, none of which exists yet, on a new network. */
export async function startContainers(
  network: string,
  containers: readonly Container[],
): Promise<void> {
  await docker(["network", "create", network]);
  for (const container of containers) {
    await docker(detachedArguments(container), container.environment);
  }
}

/** Removes the containers that exist, without a signal, and their network. Volumes stay. */
export async function removeContainers(network: string, names: readonly string[]): Promise<void> {
  await docker(["rm", "--force", "--volumes", ...names]);
  await docker(["network", "rm", network]).catch(() => {}); // there was none
}

function horizonEnvironment({ id, arch }: Agreement, org: string): Record<string, string> {
  return {
    HZN_AGREEMENTID: id,
    HZN_ARCH: arch,
    HZN_CPUS: "1",
    HZN_DEVICE_ID: "node",
    HZN_ESS_API_ADDRESS: "/var/run/horizon/essapi.sock",
    HZN_ESS_API_PORT: "0",
    HZN_ESS_API_PROTOCOL: "secure-unix",
    HZN_ESS_AUTH: "/ess-auth/auth.json",
    HZN_ESS_CERT: "/ess-cert/cert.pem",
    HZN_EXCHANGE_URL: "",
    HZN_HOST_IPS: "127.0.0.1",
    HZN_NODE_ID: "node",
    HZN_ORGANIZATION: org,
    HZN_PATTERN: "",
    HZN_PRIVILEGED: "false",
    HZN_RAM: "0",
  };
}

function inputValues(
  inputs: readonly unknown[],
  given: Agreement["inputs"],
): Record<string, string> {
  const missing: string[] = [];
  const values = inputs.flatMap((input) => {
    const { name, defaultValue } = object(input, "a userInput");
    const value = given[text(name)] || defaultValue;
    if (typeof value === "string") return [[text(name), value] as const];
    missing.push(text(name));
    return [];
  });
  if (missing.length > 0) throw new DefinitionError(`${missing.join(", ")} must be set`);
  return Object.fromEntries(values);
}

function object(value: unknown, name: string): Readonly<Record<string, unknown>> {
  if (isObject(value)) return value;
  throw new DefinitionError(`${name} must be an object`);
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function text(value: unknown): string {
  if (typeof value === "string") return value;
  throw new DefinitionError(`${JSON.stringify(value)} must be a string`);
}
