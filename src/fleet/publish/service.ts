// Publishes the service: images by digest, and never other content under a version that is already published.

import { isDeepStrictEqual } from "node:util";
import { docker, dockerInTerminal } from "../../common/docker.js";
import { environment } from "../../common/environment.js";
import { isObject, type JsonObject } from "../../common/json/document.js";
import { containersOf } from "../json.js";
import { hzn, PublishError, publishedService } from "./hzn.js";
import {
  checkServiceDefinition,
  serviceDefinition,
  writeServiceDefinition,
} from "./package-files.js";

export async function publishService(print: (line: string) => void): Promise<void> {
  checkServiceDefinition();
  const wanted = serviceDefinition();
  const version = String(wanted["version"]);
  const images = imagesOf(wanted);
  for (const image of images) await checkImageVersion(image, version);
  const digests = await Promise.all(images.map(async (image) => [image, await digestOf(image)]));
  const definition = withDigests(wanted, Object.fromEntries(digests));
  const id = exchangeId(definition);
  const published = await publishedService(String(definition["org"]), id);
  const changes = published === undefined ? [] : differences(published, definition);
  if (published !== undefined && changes.length === 0) {
    print(`${id} is already published with this content`);
    return;
  }
  if (changes.length > 0 && environment["OVERWRITE"] !== "yes") {
    throw new PublishError(
      `${id} is already published with other content (${changes.join(", ")}): raise the version, or set OVERWRITE=yes`,
    );
  }
  // Images by digest need no Docker. -O answers hzn's prompt, which the check above has decided.
  await hzn("exchange", "service", "publish", "-O", "-f", writeServiceDefinition(definition));
}

/** Pulls the images that a version will run on this node, by the digests that it was published with. */
export async function prePull(): Promise<void> {
  const { VERSION: version, HZN_ORG_ID: org = "", SERVICE_NAME: url, ARCH: arch } = environment;
  if (!version) throw new PublishError("VERSION is not set: as in VERSION=0.2.0");
  const id = exchangeId({ url, version, arch });
  const published = await publishedService(org, id);
  if (published === undefined) throw new PublishError(`${org}/${id} is not published`);
  for (const image of imagesOf(published)) await dockerInTerminal(["pull", image]);
}

function imagesOf(definition: JsonObject): string[] {
  return Object.values(containersOf(definition)).map(({ image }) => String(image));
}

function withDigests(
  definition: JsonObject,
  digests: Readonly<Record<string, string>>,
): JsonObject {
  const services = Object.fromEntries(
    Object.entries(containersOf(definition)).map(([key, container]) => {
      const image = String(container["image"]);
      return [key, { ...container, image: digests[image] ?? image }];
    }),
  );
  return { ...definition, deployment: { services } };
}

/** The digest of an image in its own repository: an image may have been pushed to several. */
async function digestOf(image: string): Promise<string> {
  if (image.includes("@sha256:")) return image;
  const digests = await inspectImage(image, "{{range .RepoDigests}}{{println .}}{{end}}");
  const repository = image.replace(/:[^:/]*$/, "");
  const digest = digests.split("\n").find((one) => one.startsWith(`${repository}@`));
  if (digest !== undefined) return digest;
  throw new PublishError(`${image} is in no registry yet: make push`);
}

/**
 * A node puts the version on trial that the program in the image reports: published as another one, it would run without a
 * trial. The images' builds make sure that the label is right.
 */
async function checkImageVersion(image: string, version: string): Promise<void> {
  if (image.includes("@sha256:")) return; // It need not be on this machine.
  const label = '{{index .Config.Labels "org.opencontainers.image.version"}}';
  const held = await inspectImage(image, label);
  if (held === version) return;
  const found = held === "" ? "does not say which version it holds" : `holds version ${held}`;
  throw new PublishError(
    `${image} ${found}, but is to be published as ${version}: make version VERSION=${version}, make build push`,
  );
}

async function inspectImage(image: string, format: string): Promise<string> {
  try {
    return await docker(["image", "inspect", "--format", format, image]);
  } catch {
    throw new PublishError(`${image} is not on this machine: make build, make push`);
  }
}

/** The id of a service in the Exchange. */
function exchangeId({ url, version, arch }: JsonObject): string {
  const name = String(url).replace(/^[A-Za-z0-9+.-]*:\/\//, "");
  return `${name}_${version}_${arch}`.replace(/[$!*,;/?@&~=%]/g, "-");
}

/** How a published service differs from a definition, as parts of a sentence; empty if it does not. */
function differences(published: JsonObject, definition: JsonObject): string[] {
  const there = containersOf(published);
  // As JSON: what is undefined is not there.
  const here = containersOf({ deployment: JSON.stringify(definition["deployment"]) });
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

/** The Exchange returns an empty string or list for what was not set. */
function withoutEmpty(value: unknown): unknown {
  if (Array.isArray(value)) return value.length === 0 ? null : value.map(withoutEmpty);
  if (isObject(value)) {
    const parts = Object.entries(value).filter(([, part]) => part !== "" && part !== null);
    return Object.fromEntries(parts.sort(([one], [other]) => (one < other ? -1 : 1)));
  }
  return value;
}
