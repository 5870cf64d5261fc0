// What is published: images by digest, and never other content under a version that is taken.

import { isDeepStrictEqual } from "node:util";
import { isObject } from "../../common/json/document.js";

type JsonObject = Readonly<Record<string, unknown>>;

/** Something that keeps the package from being published. */
export class PublishError extends Error {
  override readonly name = "PublishError";
}

/** The names of the images that a definition runs. */
export function imagesOf(definition: JsonObject): string[] {
  return Object.values(containersIn(definition)).map(({ image }) => String(image));
}

/**
 * The definition with every image by its digest.
 *
 * @param digests what the registry calls each image: repository@sha256:...
 */
export function withDigests(
  definition: JsonObject,
  digests: ReadonlyMap<string, string>,
): JsonObject {
  const services = Object.fromEntries(
    Object.entries(containersIn(definition)).map(([key, container]) => {
      const image = String(container["image"]);
      return [key, { ...container, image: digests.get(image) ?? image }];
    }),
  );
  return { ...definition, deployment: { services } };
}

/**
 * The digest that belongs to an image's repository: an image may have been pushed to several.
 *
 * @param repoDigests as Docker lists them
 */
export function digestOf(image: string, repoDigests: readonly string[]): string {
  if (/@sha256:[0-9a-f]{64}$/.test(image)) return image;
  const repository = image.replace(/:[^:/]*$/, "");
  const digest = repoDigests.find((one) => one.startsWith(`${repository}@`));
  if (digest !== undefined) return digest;
  throw new PublishError(`${image} is in no registry yet: make push`);
}

/**
 * A node puts the version on trial that its program says it is: published under another, it would run untried.
 *
 * @param holds what the image says; undefined: not known
 * @throws PublishError where they differ
 */
export function refuseOtherVersion(
  image: string,
  version: string,
  holds: string | undefined,
): void {
  if (holds === undefined || holds === version) return;
  const found = holds === "" ? "does not say which version it holds" : `holds version ${holds}`;
  throw new PublishError(
    `${image} ${found}, and is to be published as ${version}: make version VERSION=${version}, make build push`,
  );
}

/** The name of a service in the Exchange. */
export function exchangeId({ url, version, arch }: JsonObject): string {
  const name = String(url).replace(/^[A-Za-z0-9+.-]*:\/\//, "");
  return `${name}_${version}_${arch}`.replace(/[$!*,;/?@&~=%]/g, "-");
}

/** How a published service differs from a definition, in words; empty where it does not. */
export function differences(published: JsonObject, definition: JsonObject): string[] {
  const there = deploymentOf(published);
  const here = deploymentOf({ deployment: JSON.stringify(definition["deployment"]) });
  const names = new Set([...Object.keys(there), ...Object.keys(here)]);
  const containers = [...names].flatMap((name) => {
    const [one, other] = [there[name], here[name]];
    if (isDeepStrictEqual(one, other)) return [];
    if (one === undefined) return [`the container ${name} is new`];
    if (other === undefined) return [`the container ${name} is gone`];
    const keys = [...new Set([...Object.keys(one), ...Object.keys(other)])];
    const changed = keys.filter((key) => !isDeepStrictEqual(one[key], other[key]));
    return changed.map((key) => `${key} of the container ${name}`);
  });
  const fields = ["userInput", "sharable", "label", "description", "public", "requiredServices"];
  const others = fields.filter((key) => {
    const [one, other] = [published[key] ?? null, definition[key] ?? null];
    return JSON.stringify(withoutEmpty(one)) !== JSON.stringify(withoutEmpty(other));
  });
  return [...containers, ...others];
}

/** The Exchange gives back an empty text or list where nothing was said. */
function withoutEmpty(value: unknown): unknown {
  if (Array.isArray(value)) return value.length === 0 ? null : value.map(withoutEmpty);
  if (isObject(value)) {
    const parts = Object.entries(value).filter(([, part]) => part !== "" && part !== null);
    return Object.fromEntries(parts.sort(([one], [other]) => (one < other ? -1 : 1)));
  }
  return value;
}

/** In the Exchange the deployment is a text that holds JSON. */
function deploymentOf(service: JsonObject): Readonly<Record<string, JsonObject>> {
  const { deployment } = service;
  const parsed: unknown = typeof deployment === "string" ? JSON.parse(deployment) : deployment;
  return containersIn({ deployment: parsed });
}

/** The containers of a definition, by their keys. */
export function containersIn({ deployment }: JsonObject): Readonly<Record<string, JsonObject>> {
  const services = isObject(deployment) ? deployment["services"] : undefined;
  if (!isObject(services)) return {};
  return Object.fromEntries(
    Object.entries(services).filter((entry): entry is [string, JsonObject] => isObject(entry[1])),
  );
}

/** A deployment policy without the versions that have no number: before the second release there is none to go back to. */
export function withVersions(policy: JsonObject): JsonObject {
  const { service } = policy;
  if (!isObject(service) || !Array.isArray(service["serviceVersions"])) return policy;
  const serviceVersions = service["serviceVersions"].filter(
    (entry) => isObject(entry) && entry["version"] !== "",
  );
  return { ...policy, service: { ...service, serviceVersions } };
}
