// What the Horizon agent makes of a service definition: how Docker is told to run its containers.

import { isObject } from "../common/json/document.js";

/** A service as it is to run under one agreement. */
export interface Agreement {
  /** Name of the network, and first part of the containers' names. */
  readonly id: string;
  readonly arch: string;
  /** Values of userInput, by name; they win over the definition's defaults. */
  readonly inputs: Readonly<Record<string, string | undefined>>;
}

/** One container: the arguments of `docker run`, and the environment that they take values from. */
export interface Container {
  readonly key: string;
  readonly name: string;
  readonly image: string;
  readonly args: readonly string[];
  /** Given by name in `args`, so that no login stands on a command line. */
  readonly environment: Readonly<Record<string, string>>;
}

/** A definition that cannot be run as it is. */
export class DefinitionError extends Error {
  override readonly name = "DefinitionError";
}

/**
 * In the order of the definition; the Horizon agent starts them in any order.
 *
 * @param definition as `hzn` reads it, variables replaced
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
    return { key, name, image, environment, args: argumentsOf(container, key, name, agreement.id) };
  });
}

/** `docker run` up to the command. What Horizon does not say, such as a user, is the image's affair. */
function argumentsOf(
  container: Readonly<Record<string, unknown>>,
  key: string,
  name: string,
  network: string,
): string[] {
  const repeated = (option: string, values: readonly string[]) =>
    values.flatMap((value) => [option, value]);
  const { binds, tmpfs, ports, log_driver: logDriver, image } = container;
  return [
    ...["run", "--detach", "--name", name, "--restart", "always"],
    ...["--network", network, "--network-alias", key],
    ...["--log-driver", logDriver === undefined ? "json-file" : text(logDriver)],
    ...repeated("--volume", list(binds).map(text)),
    ...repeated(
      "--tmpfs",
      Object.entries(tmpfs === undefined ? {} : object(tmpfs, "tmpfs")).map(
        ([path, options]) => `${path}:${text(options)}`,
      ),
    ),
    ...repeated(
      "--publish",
      list(ports).map((port) => {
        const { HostPort: ends, HostIP: address } = object(port, "a port");
        return address === undefined ? text(ends) : `${text(address)}:${text(ends)}`;
      }),
    ),
    ...[text(image)],
  ];
}

/** The `docker run` arguments with the environment's names before the image. */
export function runArguments({ args, environment }: Container): string[] {
  const names = Object.keys(environment).flatMap((name) => ["--env", name]);
  return [...args.slice(0, -1), ...names, ...args.slice(-1)];
}

/** The volumes that outlive the containers. */
export function volumesOf(definition: unknown): string[] {
  const { services } = object(object(definition, "the definition")["deployment"], "deployment");
  const binds = Object.values(object(services, "deployment.services")).flatMap((container) =>
    list(object(container, "a container")["binds"]).map(text),
  );
  return [...new Set(binds.flatMap((bind) => (bind.startsWith("/") ? [] : bind.split(":", 1))))];
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
  throw new DefinitionError(`${JSON.stringify(value)} must be a text`);
}
