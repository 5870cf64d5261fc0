/** `slipstream fleet`: one page with the fleet as the hub knows it. Read-only. */

import { writeFileSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import { Command } from "commander";
import { processTerminal, type Terminal } from "../../common/terminal.js";
import { HubError, withHub } from "../rollout/hub.js";
import { DEFAULT_THRESHOLDS } from "../rollout/node-state.js";
import { RolloutError } from "../rollout/rollout-state.js";
import { fleetOverview } from "../rollout/run-command.js";
import { pageHtml } from "./page.js";

/** The hub does not answer, or not with what is expected. */
const EXIT_HUB = 1;
const EXIT_BAD_INPUT = 2;

/** A page that is younger than this is served again: many may look at it. */
const FRESH_MS = 30_000;
const REFRESH_SECONDS = 60;

const REQUIRED = ["HZN_ORG_ID", "HZN_EXCHANGE_URL", "HZN_EXCHANGE_USER_AUTH"] as const;

interface Options {
  readonly service: string;
  readonly policy?: string;
}

interface ServeOptions extends Options {
  readonly host: string;
  readonly port: string;
}

export function fleetCommand(terminal: Terminal = processTerminal()): Command {
  const { environment: env } = terminal;
  const command = new Command("fleet").description("show the fleet as the hub knows it");
  withService(command.command("export"))
    .description("write the fleet page, which needs no network")
    .requiredOption("-o, --out <file>", "HTML file")
    .action((options: Options & { out: string }) =>
      guarded(terminal, async () => {
        writeFileSync(options.out, await renderPage(options, env, undefined));
      }),
    );
  withService(command.command("serve"))
    .description("serve the fleet page until interrupted")
    .option("--host <address>", "address to listen on", "127.0.0.1")
    .option("--port <number>", "port to listen on; 0: any", "8080")
    .action((options: ServeOptions) => guarded(terminal, () => serve(options, terminal)));
  return command;
}

function withService(command: Command): Command {
  return command
    .option("--service <name>", "the service", "slipstream")
    .option("--policy <name>", "its deployment policy (default: policy-SERVICE)")
    .addHelpText(
      "after",
      `
Environment, as for hzn: ${REQUIRED.join(", ")}, HZN_FSS_CSSURL (without it
trials, cameras and reasons are not known), HZN_MGMT_HUB_CERT_PATH.
Exit status: 0 done, 1 the hub failed, 2 wrong usage or input.`,
    );
}

async function guarded(terminal: Terminal, run: () => Promise<void>): Promise<void> {
  const missing = REQUIRED.filter((name) => !terminal.environment[name]);
  if (missing.length > 0) {
    terminal.err(`error: ${missing.join(", ")} must be set\n`);
    terminal.exit(EXIT_BAD_INPUT);
    return;
  }
  try {
    await run();
  } catch (error) {
    const isHub = error instanceof HubError || error instanceof RolloutError;
    const isSystem = error instanceof Error && "code" in error && typeof error.code === "string";
    if (!isHub && !isSystem) throw error;
    terminal.err(`error: ${error.message}\n`);
    terminal.exit(isHub ? EXIT_HUB : EXIT_BAD_INPUT);
  }
}

function renderPage(
  { service, policy = `policy-${service}` }: Options,
  env: NodeJS.ProcessEnv,
  refreshSeconds: number | undefined,
): Promise<string> {
  return withHub(env, async (hub) => {
    const nowMs = Date.now();
    const names = [policy, `${policy}-b`] as const;
    const context = { ...hub, service, names, nowMs, thresholds: DEFAULT_THRESHOLDS };
    const { rows, summary } = await fleetOverview(context);
    const at = new Date(nowMs).toISOString();
    return pageHtml({ org: hub.exchange.org, service, at, summary, rows, refreshSeconds });
  });
}

async function serve(options: ServeOptions, terminal: Terminal): Promise<void> {
  let page: { readonly html: Promise<string>; readonly atMs: number } | undefined;
  const server = createServer(
    onePage(() => {
      if (page === undefined || performance.now() - page.atMs > FRESH_MS) {
        const html = renderPage(options, terminal.environment, REFRESH_SECONDS);
        page = { html, atMs: performance.now() };
        // After a failure the next request asks the hub again.
        html.catch(() => {
          page = undefined;
        });
      }
      return page.html;
    }),
  );
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

function onePage(html: () => Promise<string>): RequestListener {
  return (request, response) => {
    const answer = (status: number, type: string, text: string) => {
      response.writeHead(status, {
        "content-type": `${type}; charset=utf-8`,
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
      });
      response.end(request.method === "HEAD" ? undefined : text);
    };
    if (request.method !== "GET" && request.method !== "HEAD") {
      answer(405, "text/plain", "this page is read-only\n");
    } else if (request.url !== "/") {
      answer(404, "text/plain", "there is only one page: /\n");
    } else {
      html().then(
        (text) => answer(200, "text/html", text),
        (error: Error) => answer(502, "text/plain", `${error.message}\n`),
      );
    }
  };
}
