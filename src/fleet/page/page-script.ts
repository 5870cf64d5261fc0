/** The script of the fleet page: it filters and sorts the rows. Without it the page is a plain table. */

export const PAGE_SCRIPT = `
"use strict";
const table = document.querySelector("table#nodes");
const body = table.tBodies[0];
const headers = [...table.tHead.rows[0].cells];
const filter = document.querySelector("#filter");
const state = document.querySelector("#state");
const ring = document.querySelector("#ring");
const count = document.querySelector("#count");
const rows = [...body.rows].map((row) => ({
  row,
  texts: [...row.cells].map((cell) => cell.textContent),
  all: row.textContent.toLowerCase(),
}));
const STATE = headers.findIndex((cell) => cell.id === "column-state");
const RING = headers.findIndex((cell) => cell.id === "column-ring");
const collator = new Intl.Collator(undefined, { numeric: true });
let sort = { column: -1, descending: false };

for (const control of [filter, state, ring]) control.disabled = false;
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
for (const control of [filter, state, ring]) {
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
      (state.value === "" || texts[STATE] === state.value) &&
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

// Keeps the filters when the page reloads.
function remember() {
  const filters = new URLSearchParams();
  for (const control of [filter, state, ring]) if (control.value !== "") filters.set(control.id, control.value);
  if (sort.column >= 0) filters.set("sort", (sort.descending ? "-" : "") + headers[sort.column].id);
  history.replaceState(null, "", "#" + filters);
}

const remembered = new URLSearchParams(location.hash.slice(1));
for (const control of [filter, state, ring]) control.value = remembered.get(control.id) ?? "";
for (const control of [state, ring]) if (control.selectedIndex < 0) control.value = "";
const wanted = remembered.get("sort") ?? "";
const descending = wanted.startsWith("-");
sort = { column: headers.findIndex(({ id }) => id === wanted.slice(descending ? 1 : 0)), descending };
order();
show();
`;
