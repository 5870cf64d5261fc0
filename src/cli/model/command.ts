/** `slipstream model`: makes, signs and checks the archives in which models are sent to nodes. */

import type { KeyObject } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { Command, InvalidArgumentError } from "commander";
import { BundleError, bytesOf } from "../../common/bundle/manifest.js";
import { packBundle, signBundle } from "../../common/bundle/pack.js";
import { type Opened, readArchive } from "../../common/bundle/read-archive.js";
import {
  generateKeys,
  keyIdOf,
  readPrivateKey,
  readPublicKeys,
  readTrust,
  type Trust,
} from "../../common/bundle/signature.js";
import { unpack } from "../../common/bundle/unpack.js";
import { hasErrors } from "../../common/problems/problem.js";
import { processTerminal, type Terminal } from "../../common/terminal.js";
import { asJson, asText, type Verdict } from "../lint/report.js";
import { lintBundleFor } from "./bundle-lint.js";

const EXIT_REFUSED = 1;
const EXIT_BAD_INPUT = 2;
/** A desk has no budget of disk for models. */
const LIMITS = { maxBytes: Number.MAX_SAFE_INTEGER };
const STATUS = "\nExit status: 0 a node would take it, 1 it would not, 2 wrong usage or input.";

interface PackFlags {
  readonly output: string;
  readonly version: string;
  readonly name?: string;
  readonly boards?: readonly string[];
  readonly key?: string;
}

interface VerifyFlags {
  readonly keys?: readonly string[];
  readonly json?: true;
  readonly allowNativeCode?: true;
}

export function modelCommand(terminal: Terminal = processTerminal()): Command {
  const command = new Command("model").description("pack, sign and check models for nodes");
  const run = async (task: () => Promise<void>) => {
    try {
      await task();
    } catch (error) {
      terminal.err(`${messageOf(error)}\n`);
      terminal.exit(error instanceof BundleError ? EXIT_REFUSED : EXIT_BAD_INPUT);
    }
  };
  command
    .command("keygen")
    .description("make a pair of keys: FILE, which stays with you, and FILE.pub for the nodes")
    .requiredOption("-o, --output <file>", "where the private key goes; it must not be there")
    .exitOverride()
    .action(({ output }: { output: string }) => run(() => keygen(output, terminal)));
  command
    .command("pack")
    .description("make an archive of a bundle's directory; the same directory gives the same bytes")
    .argument("<directory>", "holds config_infer.txt, the network, the labels")
    .requiredOption("-o, --output <file>", "the archive")
    .requiredOption("--version <version>", "for example 1.2.0; changed content needs another one")
    .option("--name <name>", "default: the directory's")
    .option("--boards <list>", "for example t4,orin-nano (default: any board)", commaList)
    .option("--key <file>", "sign with this private key")
    .addHelpText("after", STATUS)
    .exitOverride()
    .action((directory: string, flags: PackFlags) => run(() => pack(directory, flags, terminal)));
  command
    .command("sign")
    .description("sign an archive, in place of a signature that it has")
    .argument("<archive>")
    .requiredOption("--key <file>", "private key")
    .option("-o, --output <file>", "the signed archive (default: in place)")
    .exitOverride()
    .action((archive: string, flags: { key: string; output?: string }) =>
      run(() => sign(archive, flags, terminal)),
    );
  command
    .command("verify")
    .description("check every file of an archive against its manifest, and the signature")
    .argument("<archive>")
    .option("--keys <file...>", "public keys, one of which must have signed")
    .option("--allow-native-code", "for nodes with ALLOW_NATIVE_CODE=yes; it must still be signed")
    .option("--json", "print JSON")
    .addHelpText("after", STATUS)
    .exitOverride()
    .action((archive: string, flags: VerifyFlags) => run(() => verify(archive, flags, terminal)));
  command
    .command("lint")
    .description("say what a node would say: verify, and the linter for the boards it is for")
    .argument("<archive or directory>")
    .option("--keys <file...>", "public keys, one of which must have signed")
    .option("--allow-native-code", "for nodes with ALLOW_NATIVE_CODE=yes; it must still be signed")
    .option("--json", "print JSON")
    .addHelpText("after", STATUS)
    .exitOverride()
    .action((place: string, flags: VerifyFlags) => run(() => lintPlace(place, flags, terminal)));
  return command;
}

async function keygen(output: string, terminal: Terminal): Promise<void> {
  const { privateKey, publicKey } = generateKeys();
  await writeFile(output, privateKey, { flag: "wx", mode: 0o600 });
  await writeFile(`${output}.pub`, publicKey, { flag: "wx" });
  const [key] = readPublicKeys(publicKey, `${output}.pub`);
  const id = key === undefined ? "" : keyIdOf(key);
  terminal.out(`key ${id}: ${output} (private), ${output}.pub (for the nodes)\n`);
}

async function pack(directory: string, flags: PackFlags, terminal: Terminal): Promise<void> {
  const boards = flags.boards ?? [];
  const verdicts = await lintBundleFor(directory, boards);
  if (tell(verdicts, terminal)) {
    terminal.err("nothing is packed: put it right, or name the boards it is for with --boards\n");
    terminal.exit(EXIT_REFUSED);
    return;
  }
  const { manifest, leftOut } = await packBundle(directory, flags.output, {
    name: flags.name ?? basename(resolve(directory)),
    version: flags.version,
    boards,
    key: flags.key === undefined ? undefined : await readKey(flags.key),
    signal: new AbortController().signal,
  });
  for (const path of leftOut) terminal.err(`${path} is left out\n`);
  const { size } = await stat(flags.output);
  terminal.out(`${flags.output}: ${describe(manifest)}, ${size} bytes packed\n`);
}

async function sign(
  archive: string,
  flags: { readonly key: string; readonly output?: string },
  terminal: Terminal,
): Promise<void> {
  const key = await readKey(flags.key);
  const output = flags.output ?? archive;
  const manifest = await signBundle(archive, output, key, new AbortController().signal);
  terminal.out(`${output}: ${describe(manifest)}, signed by ${keyIdOf(key)}\n`);
}

async function verify(archive: string, flags: VerifyFlags, terminal: Terminal): Promise<void> {
  const sink = {
    begin: () => Promise.resolve(),
    async file(_: unknown, content: AsyncIterable<Buffer>) {
      for await (const _chunk of content);
    },
  };
  const { signal } = new AbortController();
  const trust = await trustOf(flags);
  const opened = await readArchive(createReadStream(archive), LIMITS, trust, sink, signal);
  const { manifest, signed } = opened;
  if (flags.json)
    terminal.out(
      `${JSON.stringify({ ...manifest, signed, nativeCode: opened.native.found }, null, 2)}\n`,
    );
  else terminal.out(`${archive}: ${describe(manifest)}, ${signatureText(opened)}\n`);
}

async function lintPlace(place: string, flags: VerifyFlags, terminal: Terminal): Promise<void> {
  const report = (verdicts: readonly Verdict[]) => {
    if (tell(verdicts, terminal, flags.json)) terminal.exit(EXIT_REFUSED);
  };
  const found = await stat(place);
  if (found.isDirectory()) {
    report(await lintBundleFor(place, []));
    return;
  }
  const temporary = await mkdtemp(join(tmpdir(), "slipstream-model-"));
  try {
    const directory = join(temporary, "bundle");
    const opened = await unpack(createReadStream(place), directory, {
      limits: LIMITS,
      trust: await trustOf(flags),
      admit: () => {},
      signal: new AbortController().signal,
    });
    if (!flags.json) terminal.out(`${describe(opened.manifest)}, ${signatureText(opened)}\n`);
    report(await lintBundleFor(directory, opened.manifest.boards));
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

/** Prints the verdicts; true if something keeps it from running. */
function tell(verdicts: readonly Verdict[], terminal: Terminal, json?: true): boolean {
  terminal.out(json ? asJson(verdicts) : asText(verdicts));
  return verdicts.some(({ problems }) => hasErrors(problems));
}

function trustOf({ keys, allowNativeCode }: VerifyFlags): Promise<Trust> {
  return readTrust(keys ?? [], keys !== undefined, allowNativeCode ? "signed" : "refused");
}

async function readKey(file: string): Promise<KeyObject> {
  return readPrivateKey(await readFile(file, "utf8"), file);
}

function describe(manifest: Opened["manifest"]): string {
  const { name, version, boards, files } = manifest;
  const where = boards.length === 0 ? "any board" : boards.join(", ");
  return `${name}@${version} for ${where}, ${files.length} files, ${bytesOf(manifest)} bytes`;
}

function signatureText(opened: Opened): string {
  const { found } = opened.native;
  return `${signerText(opened)}${found === "" ? "" : `, holds native code (${found})`}`;
}

function signerText({ signed }: Opened): string {
  switch (signed.t) {
    case "unsigned":
      return "not signed";
    case "unknown":
      return `signed by ${signed.keyId}, not checked: give --keys`;
    case "trusted":
      return `signed by ${signed.keyId}`;
    default:
      return signed satisfies never;
  }
}

function commaList(text: string): readonly string[] {
  const items = text.split(",").map((item) => item.trim());
  if (items.some((item) => item === "")) throw new InvalidArgumentError("It is a comma list.");
  return items;
}

/** An error of the file system says with code and path what it is. */
function messageOf(error: unknown): string {
  if (error instanceof BundleError) return error.message;
  if (error instanceof Error && "syscall" in error) return error.message;
  throw error;
}
