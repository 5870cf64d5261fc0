/** Small plots of the last hour. */

import { number } from "./text.js";

const SVG = "http://www.w3.org/2000/svg";
const [WIDTH, HEIGHT] = [96, 22];

/** null: not known at that time. most: how many values an hour has. */
export function plot(
  name: string,
  values: readonly (number | null)[],
  most: number,
): SVGSVGElement | string {
  const known = values.filter((value) => value !== null);
  const latest = known.at(-1);
  if (latest === undefined) return "";
  const top = Math.max(...known);
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
  svg.setAttribute("class", "plot");
  svg.setAttribute("role", "img");
  const [least, now] = [Math.min(...known), latest].map((value) => number(round(value)));
  const text = `${name} in the last hour: ${least} to ${number(round(top))}, now ${now}`;
  svg.setAttribute("aria-label", text);
  const title = document.createElementNS(SVG, "title");
  title.textContent = text;
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", lineOf(values, most, top));
  svg.append(title, path);
  return svg;
}

/** The newest value is at the right edge. */
function lineOf(values: readonly (number | null)[], most: number, top: number): string {
  let command = "M";
  const steps = values.map((value, index) => {
    if (value === null) {
      command = "M";
      return "";
    }
    const x = WIDTH - ((values.length - 1 - index) * WIDTH) / most;
    const y = HEIGHT - 1 - (value / (top || 1)) * (HEIGHT - 2);
    const step = `${command}${x.toFixed(1)} ${y.toFixed(1)}`;
    command = "L";
    return step;
  });
  return steps.join("");
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
