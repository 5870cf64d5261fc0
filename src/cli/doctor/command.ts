/** `slipstream doctor`: what is wrong on this machine, and what to do about it. It changes nothing. */

import { Command } from "commander";
import { hideLogins } from "../../common/secrets/redact.js";
import { processTerminal, type Terminal } from "../../common/terminal.js";
import { type CollectOptions, collect } from "./collect.js";
import { diagnose, hasErrors, type Result } from "./diagnose.js";

const EXIT_WRONG = 1;
const DOCKER_SOCKET = "/var/run/docker.sock";

interface DoctorFlags {
  readonly json?: true;
  readonly verbose?: true;
  readonly docker: string;
  readonly agent?: string;
  readonly ca?: string;
}

export function doctorCommand(
  readNode: CollectOptions["readNode"],
  terminal: Terminal = processTerminal(),
): Command {
  return new Command("doctor")
    .description("find what is wrong on this machine, and say what to do about it")
    .option("-v, --verbose", "also print what passed and what was skipped")
    .option("--docker <socket>", "Docker's socket", DOCKER_SOCKET)
    .option("--agent <address>", "the agent's socket, or http://HOST:PORT, or https://HOST:PORT")
    .option("--ca <file>", "certificate of the agent or its issuer, as PEM")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      "\nIt changes nothing. Call it as root on a node, for Docker and Horizon, and in the agent's container, for settings, secrets" +
        "\nand cameras: docker exec CONTAINER slipstream doctor. What cannot be known where it runs is skipped." +
        "\nExit status: 0 no error was found, 1 at least one, 2 wrong usage.",
    )
    .exitOverride()
    .action(async ({ docker: dockerSocket, ...flags }: DoctorFlags) => {
      const options = { ...flags, dockerSocket, readNode, environment: terminal.environment };
      const results = diagnose(await collect(options, new AbortController().signal));
      if (hasErrors(results)) terminal.exit(EXIT_WRONG);
      // Settings and programs may quote anything.
      terminal.out(
        hideLogins(flags.json ? asJson(results) : asText(results, flags.verbose === true)),
      );
    });
}

function asJson(results: readonly Result[]): string {
  const shown = results.map(({ check, outcome: { t, ...rest } }) => ({
    ...check,
    outcome: t,
    ...rest,
  }));
  return `${JSON.stringify(shown, null, 2)}\n`;
}

function asText(results: readonly Result[], verbose: boolean): string {
  const lines: string[] = [];
  const counts = { passed: 0, error: 0, warning: 0, skipped: 0 };
  const skipped = new Map<string, string[]>();
  for (const { check, outcome } of results) {
    switch (outcome.t) {
      case "passed":
        counts.passed++;
        if (verbose) lines.push(`ok       ${check.id}: ${check.title}`);
        break;
      case "complaints":
        for (const { severity, detail, cure } of outcome.complaints) {
          counts[severity]++;
          lines.push(`${severity.padEnd(8)} ${check.id}: ${detail}`, `         ${cure}`);
        }
        break;
      case "skipped":
        counts.skipped++;
        skipped.set(outcome.why, [...(skipped.get(outcome.why) ?? []), check.id]);
        break;
      default:
        outcome satisfies never;
    }
  }
  for (const [why, ids] of skipped) {
    lines.push(`skipped  ${why}: ${verbose ? ids.join(", ") : `${ids.length} checks`}`);
  }
  const { passed, error, warning } = counts;
  lines.push(`${passed} passed, ${error} errors, ${warning} warnings, ${counts.skipped} skipped`);
  return `${lines.join("\n")}\n`;
}
