/** What the fleet's page does in a browser: filters and sorts the rows that are there. Without it the page is a table. */

export const PAGE_SCRIPT = `
"use strict";
const table = document.querySelector("table#nodes");
const body = table.tBodies[0];
const headers = [...table.tHead.rows[0].cells];
const filter = document.querySelector("#filter");
const trial = document.querySelector("#trial");
const ring = document.querySelector("#ring");
const count = document.querySelector("#count");
const rows = [...body.rows].map((row) => ({
  row,
  texts: [...row.cells].map((cell) => cell.textContent),
  all: row.textContent.toLowerCase(),
}));
const TRIAL = headers.findIndex((cell) => cell.id === "column-standing");
const RING = headers.findIndex((cell) => cell.id === "column-ring");
const collator = new Intl.Collator(undefined, { numeric: true });
let sort = { column: -1, descending: false };

for (const control of [filter, trial, ring]) control.disabled = false;
for (const [column, cell] of headers.entries()) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = cell.textContent;
  button.addEventListener("click", () => {
    sort = { column, descending: sort.column === column && !sort.descending };
    order();
    remember();
  });
  cell.replaceChildren(button);
}
for (const control of [filter, trial, ring]) {
  control.addEventListener("input", () => {
    show();
    remember();
  });
}

function show() {
  const words = filter.value.toLowerCase().split(/\\s+/).filter((word) => word !== "");
  let shown = 0;
  for (const { row, texts, all } of rows) {
    const fits =
      words.every((word) => all.includes(word)) &&
      (trial.value === "" || texts[TRIAL] === trial.value) &&
      (ring.value === "" || texts[RING] === ring.value);
    row.hidden = !fits;
    if (fits) shown++;
  }
  count.textContent = shown + " of " + rows.length + " nodes";
}

function order() {
  const { column, descending } = sort;
  for (const [i, cell] of headers.entries()) {
    if (i === column) cell.setAttribute("aria-sort", descending ? "descending" : "ascending");
    else cell.removeAttribute("aria-sort");
  }
  if (column < 0) return;
  const sign = descending ? -1 : 1;
  rows.sort((a, b) => sign * collator.compare(a.texts[column], b.texts[column]));
  body.append(...rows.map(({ row }) => row));
}

// So that what was looked for is still there when the page is loaded anew.
function remember() {
  const said = new URLSearchParams();
  for (const control of [filter, trial, ring]) if (control.value !== "") said.set(control.id, control.value);
  if (sort.column >= 0) said.set("sort", (sort.descending ? "-" : "") + headers[sort.column].id);
  history.replaceState(null, "", "#" + said);
}

const said = new URLSearchParams(location.hash.slice(1));
for (const control of [filter, trial, ring]) control.value = said.get(control.id) ?? "";
for (const control of [trial, ring]) if (control.selectedIndex < 0) control.value = "";
const wanted = said.get("sort") ?? "";
const descending = wanted.startsWith("-");
sort = { column: headers.findIndex(({ id }) => id === wanted.slice(descending ? 1 : 0)), descending };
order();
show();
`;
