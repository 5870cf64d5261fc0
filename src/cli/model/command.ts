/** `slipstream model`: makes bundles of networks, and packs, signs and checks the archives in which they are sent to nodes. */

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
import { hasErrors } from "../../common/problem.js";
import { processTerminal, type Terminal } from "../../common/terminal.js";
import { type Verdict, verdictsAsJson, verdictsAsText } from "../lint/verdicts.js";
import { type ImportFlags, importNetwork } from "./import/import.js";
import { lintBundleFor } from "./lint-for-boards.js";

const EXIT_REFUSED = 1;
const EXIT_BAD_INPUT = 2;
/** Only a node has a disk budget for models. */
const LIMITS = { maxBytes: Number.MAX_SAFE_INTEGER };
const STATUS = "\nExit status: 0 a node would accept it, 1 it would not, 2 wrong usage or input.";

interface PackFlags {
  readonly output: string;
  readonly version: string;
  readonly name?: string;
  readonly boards?: readonly string[];
  readonly key?: string;
}

interface LintFlags extends VerifyFlags {
  readonly target?: string;
}

interface VerifyFlags {
  readonly keys?: readonly string[];
  readonly json?: true;
  readonly allowNativeCode?: true;
}

export function modelCommand(terminal: Terminal = processTerminal()): Command {
  const command = new Command("model").description("import, pack, sign and check models");
  const run = async (task: () => Promise<void>) => {
    try {
      await task();
    } catch (error) {
      terminal.err(`${messageOf(error)}\n`);
      terminal.exit(error instanceof BundleError ? EXIT_REFUSED : EXIT_BAD_INPUT);
    }
  };
  command
    .command("import")
    .description("make a model bundle of a detector's ONNX file, for both engines")
    .argument("<file>", "the network, such as yolo11n.onnx")
    .option("--labels <file>", "one label a line (default: what the network's metadata names)")
    .option("--name <name>", "of the bundle (default: that of the file)")
    .option("-o, --output <directory>", "the bundle; it must not exist (default: models/NAME)")
    .option("--family <family>", "what the network is, where its outputs do not tell")
    .option("--normalise <range>", "what it takes: 0-1, 0-255, -1-1 or imagenet")
    .option("--colour <order>", "rgb or bgr")
    .option("--fit <how>", "how frames are laid into its input: centre, corner or stretch")
    .option("--size <WxH>", "of its input, where it takes any, such as 640x640")
    .option("--try <file>", "run it on a picture or a video, and write an annotated PNG")
    .option("--png <file>", "that PNG (default: NAME.png)")
    .addHelpText(
      "after",
      "\nExit status: 0 the bundle is there, 1 the network is refused, 2 wrong usage or input.",
    )
    .exitOverride()
    .action((file: string, flags: ImportFlags) => run(() => importNetwork(file, flags, terminal)));
  command
    .command("keygen")
    .description("make a key pair: FILE, which stays with you, and FILE.pub for the nodes")
    .requiredOption("-o, --output <file>", "the private key; the file must not exist")
    .exitOverride()
    .action(({ output }: { output: string }) => run(() => keygen(output, terminal)));
  command
    .command("pack")
    .description("make an archive of a model bundle; the same directory gives the same bytes")
    .argument("<directory>", "with config_infer.txt, the network, the labels")
    .requiredOption("-o, --output <file>", "the archive")
    .requiredOption("--version <version>", "for example 1.2.0; changed content needs a new one")
    .option("--name <name>", "default: the name of the directory")
    .option("--boards <list>", "for example t4,orin-nano (default: any board)", commaList)
    .option("--key <file>", "sign with this private key")
    .addHelpText("after", STATUS)
    .exitOverride()
    .action((directory: string, flags: PackFlags) => run(() => pack(directory, flags, terminal)));
  command
    .command("sign")
    .description("sign an archive; replaces a signature that it already has")
    .argument("<archive>")
    .requiredOption("--key <file>", "private key")
    .option("-o, --output <file>", "the signed archive (default: in place)")
    .exitOverride()
    .action((archive: string, flags: { key: string; output?: string }) =>
      run(() => sign(archive, flags, terminal)),
    );
  withChecks(command.command("verify"))
    .description("check every file of an archive against its manifest, and the signature")
    .argument("<archive>")
    .action((archive: string, flags: VerifyFlags) => run(() => verify(archive, flags, terminal)));
  withChecks(command.command("lint"))
    .description("check what a node would check: verify, and lint for the boards it is for")
    .argument("<archive or directory>")
    .option(
      "--target <board>",
      "t4, nano, orin-nano, a board with a release such as t4@9.1, cpu for engine cpu, or all boards (default: those it is for)",
    )
    .action((path: string, flags: LintFlags) => run(() => lintModel(path, flags, terminal)));
  return command;
}

function withChecks(command: Command): Command {
  return command
    .option("--keys <file...>", "public keys, one of which must have signed the archive")
    .option("--allow-native-code", "for nodes with ALLOW_NATIVE_CODE=yes; it must still be signed")
    .option("--json", "print JSON")
    .addHelpText("after", STATUS)
    .exitOverride();
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
  if (!printVerdicts(verdicts, terminal)) {
    terminal.err("not packed: fix the errors, or name the boards it is for with --boards\n");
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
  for (const path of leftOut) terminal.err(`${path} was left out\n`);
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

async function lintModel(path: string, flags: LintFlags, terminal: Terminal): Promise<void> {
  const report = (verdicts: readonly Verdict[]) => {
    if (!printVerdicts(verdicts, terminal, flags.json)) terminal.exit(EXIT_REFUSED);
  };
  if ((await stat(path)).isDirectory()) {
    report(await lintBundleFor(path, [], flags.target));
    return;
  }
  const temporary = await mkdtemp(join(tmpdir(), "slipstream-model-"));
  try {
    const directory = join(temporary, "bundle");
    const opened = await unpack(createReadStream(path), directory, {
      limits: LIMITS,
      trust: await trustOf(flags),
      admit: () => {},
      signal: new AbortController().signal,
    });
    if (!flags.json) terminal.out(`${describe(opened.manifest)}, ${signatureText(opened)}\n`);
    report(await lintBundleFor(directory, opened.manifest.boards, flags.target));
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

/** True if the model would run on every target. */
function printVerdicts(verdicts: readonly Verdict[], terminal: Terminal, json?: true): boolean {
  terminal.out(json ? verdictsAsJson(verdicts) : verdictsAsText(verdicts));
  return !verdicts.some(({ problems }) => hasErrors(problems));
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
  if (items.includes("")) throw new InvalidArgumentError("It must be a comma-separated list.");
  return items;
}

/** Errors of the file system name the code and the path. */
function messageOf(error: unknown): string {
  if (error instanceof BundleError) return error.message;
  if (error instanceof Error && "syscall" in error) return error.message;
  throw error;
}
