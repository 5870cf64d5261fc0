/** The fleet page: one HTML document that loads nothing from anywhere. Pure. */

import { createHash } from "node:crypto";
import type { NodeRow } from "../rollout/fleet-report.js";
import { PAGE_SCRIPT } from "./page-script.js";

export interface Page {
  readonly org: string;
  readonly service: string;
  /** When the hub was asked, ISO 8601. */
  readonly at: string;
  /** The rollout and its tables, as in `make fleet-status`. */
  readonly summary: string;
  readonly rows: readonly NodeRow[];
  /** A served page reloads itself after so many seconds; undefined: never. */
  readonly refreshSeconds?: number | undefined;
}

const COLUMNS: readonly (readonly [key: keyof NodeRow, title: string])[] = [
  ["id", "Node"],
  ["ring", "Ring"],
  ["version", "Runs"],
  ["target", "Target"],
  ["state", "State"],
  ["model", "Model"],
  ["settings", "Settings"],
  ["cameras", "Cameras live"],
  ["reason", "Last reason"],
  ["at", "Reported"],
];

/** Colours of states, as classes of the style sheet; all other states have none. */
const CLASSES: Readonly<Record<string, string>> = {
  proven: "good",
  "on trial": "busy",
  pending: "busy",
  failed: "bad",
  "no trial": "bad",
  "wrong version": "bad",
  "rolled back": "bad",
  degraded: "bad",
  "not running": "bad",
  silent: "bad",
};

const STYLE = `
:root { color-scheme: light dark; font: 15px/1.4 system-ui, sans-serif; }
body { margin: 1rem auto; padding: 0 1rem; max-width: 110rem; }
h1 { font-size: 1.3rem; margin: 0 0 .3rem; }
pre { overflow-x: auto; font: 13px/1.4 ui-monospace, monospace; }
form { display: flex; flex-wrap: wrap; gap: .6rem 1.2rem; align-items: end; margin: 1rem 0; }
label { display: grid; gap: .15rem; font-size: .85rem; }
input, select { font: inherit; padding: .3rem .4rem; min-width: 9rem; }
.table { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid #8884; vertical-align: top; }
tbody th { font-weight: 600; }
tbody th, td:nth-child(5), td:last-child { white-space: nowrap; }
thead th { position: sticky; top: 0; background: Canvas; border-bottom: 2px solid; white-space: nowrap; }
thead button { all: unset; cursor: pointer; font-weight: 600; }
thead button:focus-visible, .table:focus-visible { outline: 2px solid Highlight; outline-offset: 2px; }
th[aria-sort=ascending] button::after { content: " \\2191"; }
th[aria-sort=descending] button::after { content: " \\2193"; }
tbody tr { content-visibility: auto; contain-intrinsic-size: auto 1.9rem; }
td.good { color: light-dark(#0a6b2d, #6fdc93); }
td.busy { color: light-dark(#7a5200, #f0c060); }
td.bad { color: light-dark(#b00020, #ff8a94); font-weight: 600; }
`;

export function pageHtml({ org, service, at, summary, rows, refreshSeconds }: Page): string {
  const states = [...new Set(rows.map(({ state }) => state))].sort();
  const rings = [...new Set(rows.map(({ ring }) => ring))].sort();
  const title = `${service} in ${org}`;
  const policy = `default-src 'none'; style-src 'sha256-${hash(STYLE)}'; script-src 'sha256-${hash(PAGE_SCRIPT)}'`;
  const refresh =
    refreshSeconds === undefined
      ? ""
      : `<meta http-equiv="refresh" content="${Math.round(refreshSeconds)}">\n`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${escaped(policy)}">
${refresh}<title>${escaped(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>${escaped(title)}</h1>
<p>State at the hub, <time datetime="${escaped(at)}">${escaped(at)}</time>.</p>
<details><summary>Rollout, rings, models and settings</summary><pre>${escaped(summary)}</pre></details>
<form role="search" aria-label="Nodes">
<label>Filter <input id="filter" type="search" placeholder="words in any column" autocomplete="off" disabled></label>
${select("state", "State", states)}
${select("ring", "Ring", rings)}
<output id="count" role="status">${rows.length} nodes</output>
</form>
<div class="table" tabindex="0" role="region" aria-label="Nodes of the fleet">
<table id="nodes">
<caption hidden>Nodes of the fleet</caption>
<thead><tr>${COLUMNS.map(([key, name]) => `<th scope="col" id="column-${key}">${name}</th>`).join("")}</tr></thead>
<tbody>
${rows.map(rowHtml).join("\n")}
</tbody>
</table>
</div>
</main>
<script>${PAGE_SCRIPT}</script>
</body>
</html>
`;
}

function rowHtml(row: NodeRow): string {
  const cells = COLUMNS.map(([key]) => {
    // Without fractions of a second.
    const text = escaped(key === "at" ? row.at.replace(/\.\d+Z$/, "Z") : row[key]);
    switch (key) {
      case "id":
        return `<th scope="row">${text}</th>`;
      case "state":
        return `<td class="${CLASSES[row.state] ?? ""}">${text}</td>`;
      default:
        return `<td>${text}</td>`;
    }
  });
  return `<tr>${cells.join("")}</tr>`;
}

function select(id: string, name: string, values: readonly string[]): string {
  const options = values.map((value) => `<option>${escaped(value)}</option>`).join("");
  return `<label>${name} <select id="${id}" disabled><option value="">all</option>${options}</select></label>`;
}

function escaped(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}

function hash(text: string): string {
  return createHash("sha256").update(text).digest("base64");
}
