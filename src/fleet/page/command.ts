/** `slipstream fleet`: the fleet as the hub knows it, on one page. Only reads. */

import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { Command } from "commander";
import { processTerminal, type Terminal } from "../../common/terminal.js";
import { overview } from "../rollout/conduct.js";
import { ExchangeError, hubOptions } from "../rollout/connection.js";
import { Exchange } from "../rollout/exchange.js";
import { RolloutError } from "../rollout/shares.js";
import { PATIENCE } from "../rollout/standing.js";
import { SyncService } from "../rollout/sync-service.js";
import { pageHtml } from "./page.js";

/** The hub does not answer, or its answer makes no sense. */
const exitHub = 1;
const exitBadInput = 2;

/** A page that is younger than this is given again: many may look at it. */
const FRESH_MS = 30_000;
const REFRESH_SECONDS = 60;

const NEEDED = ["HZN_ORG_ID", "HZN_EXCHANGE_URL", "HZN_EXCHANGE_USER_AUTH"] as const;

interface Options {
  readonly service: string;
  readonly policy?: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

export function fleetCommand(terminal: Terminal = processTerminal()): Command {
  const { environment: env } = terminal;
  const command = new Command("fleet").description("show the fleet as the hub knows it");
  withService(command.command("export"))
    .description("write the page of the fleet, which needs no network")
    .requiredOption("-o, --out <file>", "HTML file")
    .action(async (options: Options & { out: string }) => {
      await guarded(terminal, env, async () => {
        writeFileSync(options.out, await pageOf(options, env, undefined));
      });
    });
  withService(command.command("serve"))
    .description("serve the page of the fleet until it is interrupted")
    .option("--host <address>", "address to listen on", "127.0.0.1")
    .option("--port <number>", "port to listen on; 0: any", "8080")
    .action(async (options: Options & { host: string; port: string }) => {
      await guarded(terminal, env, () => serve(options, env, terminal));
    });
  return command;
}

function withService(command: Command): Command {
  return command
    .option("--service <name>", "the service", "slipstream")
    .option("--policy <name>", "its deployment policy; policy-SERVICE without it")
    .addHelpText(
      "after",
      `
Environment, as hzn reads it: ${NEEDED.join(", ")}, HZN_FSS_CSSURL (without it nothing is
known of trials, cameras and reasons), HZN_MGMT_HUB_CERT_PATH.
Exit status: 0 done, 1 the hub does not answer as it should, 2 wrong usage or input.`,
    );
}

async function guarded(
  terminal: Terminal,
  env: Environment,
  run: () => Promise<void>,
): Promise<void> {
  const missing = NEEDED.filter((name) => !env[name]);
  if (missing.length > 0) {
    terminal.err(`error: ${missing.join(", ")} must be set\n`);
    terminal.exit(exitBadInput);
    return;
  }
  try {
    await run();
  } catch (error) {
    const isOurs = error instanceof ExchangeError || error instanceof RolloutError;
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (!isOurs && typeof code !== "string") throw error;
    terminal.err(`error: ${error instanceof Error ? error.message : String(error)}\n`);
    terminal.exit(isOurs ? exitHub : exitBadInput);
  }
}

async function pageOf(
  { service, policy = `policy-${service}` }: Options,
  env: Environment,
  refreshSeconds: number | undefined,
): Promise<string> {
  const options = hubOptions(env);
  const exchange = new Exchange(options);
  const url = env["HZN_FSS_CSSURL"];
  const sync = url ? new SyncService({ ...options, url }) : undefined;
  const nowMs = Date.now();
  try {
    const hub = { exchange, sync, service, names: [policy, `${policy}-b`] as const };
    const { rows, summary } = await overview({ ...hub, nowMs, patience: PATIENCE });
    const at = new Date(nowMs).toISOString();
    return pageHtml({ org: options.org, service, at, summary, rows, refreshSeconds });
  } finally {
    exchange.close();
    sync?.close();
  }
}

async function serve(
  options: Options & { readonly host: string; readonly port: string },
  env: Environment,
  terminal: Terminal,
): Promise<void> {
  let page: { readonly html: Promise<string>; readonly atMs: number } | undefined;
  const current = (): Promise<string> => {
    if (page === undefined || performance.now() - page.atMs > FRESH_MS) {
      page = { html: pageOf(options, env, REFRESH_SECONDS), atMs: performance.now() };
      // What failed is asked again at the next request.
      page.html.catch(() => {
        page = undefined;
      });
    }
    return page.html;
  };
  const server = createServer((request, response) => {
    const answer = (status: number, type: string, text: string) => {
      response.writeHead(status, {
        "content-type": `${type}; charset=utf-8`,
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
      });
      response.end(request.method === "HEAD" ? undefined : text);
    };
    if (request.method !== "GET" && request.method !== "HEAD") {
      answer(405, "text/plain", "this page can only be read\n");
    } else if (request.url !== "/") {
      answer(404, "text/plain", "there is one page: /\n");
    } else {
      current().then(
        (html) => answer(200, "text/html", html),
        (error: Error) => answer(502, "text/plain", `${error.message}\n`),
      );
    }
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(Number(options.port), options.host, resolve);
  });
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : options.port;
  terminal.out(`http://${options.host}:${port}/\n`);
  await new Promise<void>((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, resolve);
  });
  server.closeAllConnections();
  server.close();
}
