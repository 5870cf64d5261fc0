// Plots curves over time as SVG. Pure.
import type { Line, Point } from "./line.js";

export interface Curve {
  readonly name: string;
  readonly colour: string;
  readonly points: readonly Point[];
  /** A dashed line over the curve that starts at x = from. */
  readonly fit?: { readonly line: Line; readonly from: number };
}

export interface Panel {
  readonly title: string;
  readonly curves: readonly Curve[];
}

const WIDTH = 900;
const PANEL = 300;
const MARGIN = { left: 60, right: 130, top: 40, bottom: 40 };
const TICKS = 5;

/** Stacks the panels vertically; x is in minutes. */
export function plot(panels: readonly Panel[]): string {
  const height = panels.length * PANEL;
  const drawn = panels.map((panel, index) => {
    return `<g transform="translate(0 ${index * PANEL})">${draw(panel)}</g>`;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="12">`,
    `<rect width="${WIDTH}" height="${height}" fill="white"/>`,
    ...drawn,
    "</svg>",
    "",
  ].join("\n");
}

function draw({ title, curves }: Panel): string {
  const points = curves.flatMap((curve) => curve.points);
  const highestX = Math.max(1e-9, ...points.map(({ x }) => x));
  const highestY = 1.1 * Math.max(1e-9, ...points.map(({ y }) => y));
  const [width, height] = [WIDTH - MARGIN.left - MARGIN.right, PANEL - MARGIN.top - MARGIN.bottom];
  const place = ({ x, y }: Point) =>
    [
      (MARGIN.left + (width * x) / highestX).toFixed(1),
      (MARGIN.top + height * (1 - y / highestY)).toFixed(1),
    ] as const;
  const line = (from: Point, to: Point, style: string) => {
    const [[x1, y1], [x2, y2]] = [place(from), place(to)];
    return `<line x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}" ${style}/>`;
  };
  const text = (at: Point, label: string, style: string) => {
    const [x, y] = place(at);
    return `<text x="${x}" y="${y}" ${style}>${escaped(label)}</text>`;
  };
  const ticks = Array.from({ length: TICKS + 1 }, (_, index) => index / TICKS);
  return [
    `<text x="${MARGIN.left}" y="${MARGIN.top - 16}" font-weight="bold">${escaped(title)}</text>`,
    ...ticks.flatMap((share) => {
      const [x, y] = [share * highestX, share * highestY];
      return [
        line({ x: 0, y }, { x: highestX, y }, 'stroke="#ddd"'),
        text({ x: 0, y }, label(y), 'dx="-6" dy="4" text-anchor="end"'),
        text({ x, y: 0 }, label(x), 'dy="16" text-anchor="middle"'),
      ];
    }),
    ...curves.flatMap(({ name, colour, points, fit }, index) => {
      const path = points.map((point) => place(point).join(",")).join(" ");
      const drawn = [
        `<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="1.5"/>`,
        `<text x="${WIDTH - MARGIN.right + 10}" y="${MARGIN.top + 10 + 18 * index}" fill="${colour}">${escaped(name)}</text>`,
      ];
      if (fit !== undefined) {
        const at = (x: number) => ({ x, y: fit.line.at + fit.line.slope * x });
        const style = `stroke="${colour}" stroke-dasharray="5 4"`;
        drawn.push(line(at(fit.from), at(highestX), style));
      }
      return drawn;
    }),
  ].join("\n");
}

function label(value: number): string {
  return value >= 10 ? value.toFixed(0) : value.toFixed(1);
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}
