/** `slipstream settings import-nvdsanalytics`: turns a configuration file of nvdsanalytics into a settings document. */

import { readText } from "../../common/files/read.js";
import { displayProblem, type Problem, problem, refusal } from "../../common/problem.js";
import { slugOf } from "../../common/settings/camera-id.js";
import { type Point, sideOf } from "../../common/settings/polygon.js";
import { readSettingsDocument } from "../../common/settings/settings-document.js";
import type { Terminal } from "../../common/terminal.js";
import { type ConfigFile, GLIB, parseKeyFile, type Setting } from "../lint/bundle/key-file.js";

export interface ImportOptions {
  readonly labels?: string;
}

interface Zone {
  readonly id: string;
  readonly points: readonly Point[];
  readonly classes?: readonly string[];
  readonly crowd?: number;
}

interface Line {
  readonly id: string;
  readonly from: Point;
  readonly to: Point;
  readonly classes?: readonly string[];
}

interface Camera {
  readonly id: string;
  readonly uri: string;
  readonly zones: Zone[];
  readonly lines: Line[];
}

const EXIT_REFUSED = 1;
/** To be replaced: the file of nvdsanalytics has no addresses. */
const ADDRESS = "rtsp://host/path";
const GROUP = /^(roi-filtering|overcrowding|line-crossing|direction-detection)-stream-(\d{1,3})$/;
const MAX_CAMERAS = 256;

export async function importNvdsanalytics(
  file: string,
  { labels: labelFile }: ImportOptions,
  { out, err, exit }: Terminal,
): Promise<void> {
  const texts = await Promise.all(
    [file, labelFile].map((path) => (path === undefined ? undefined : readText(path, path))),
  );
  const [config, labels] = texts.map((one) => (one?.t === "text" ? one.text : undefined));
  const unreadable = texts.flatMap((one) => (one?.t === "refused" ? [one.problem] : []));
  const converted =
    config === undefined || unreadable.length > 0
      ? { document: undefined, problems: unreadable }
      : convert(
          config,
          file,
          labels?.split("\n").map((line) => line.trim()),
        );
  for (const one of converted.problems) err(`${one.severity}: ${displayProblem(one)}\n`);
  if (converted.document === undefined) exit(EXIT_REFUSED);
  else out(`${JSON.stringify(converted.document, null, 2)}\n`);
}

/** Pure. Without a document there is an error among the problems. `labels`: by class id. */
export function convert(
  text: string,
  file: string,
  labels: readonly string[] | undefined,
): { readonly document: object | undefined; readonly problems: readonly Problem[] } {
  const { config, problems } = parseKeyFile(text, file);
  const reader = new Reader(config, file, labels, [...problems]);
  const document = reader.document();
  if (reader.problems.some(({ severity }) => severity === "error")) {
    return { document: undefined, problems: reader.problems };
  }
  // What a node would refuse, such as a polygon that crosses itself.
  const reading = readSettingsDocument(JSON.stringify(document), file);
  if (reading.t === "document") return { document, problems: reader.problems };
  const refused = reading.problems.map(({ line: _, ...one }) => one);
  return { document: undefined, problems: [...reader.problems, ...refused] };
}

class Reader {
  readonly problems: Problem[];
  readonly #config: ConfigFile;
  readonly #file: string;
  readonly #labels: readonly string[] | undefined;
  readonly #cameras: Camera[] = [];

  constructor(
    config: ConfigFile,
    file: string,
    labels: readonly string[] | undefined,
    problems: Problem[],
  ) {
    this.#config = config;
    this.#file = file;
    this.#labels = labels;
    this.problems = problems;
  }

  document(): object {
    const width = this.#size("config-width");
    const height = this.#size("config-height");
    for (const group of new Set(this.#config.groups.map(({ name }) => name))) {
      const [, kind = "", stream = ""] = GROUP.exec(group) ?? [];
      if (kind === "" && group !== "property") {
        this.#report("unknown-group", group, undefined, "is no group of nvdsanalytics; ignored");
      }
      if (kind === "" || this.#value(group, "enable") === "0") continue;
      const number = Number(stream);
      if (number >= MAX_CAMERAS) continue;
      this.#group(kind, group, number, [width, height]);
    }
    return { tracker: "iou", cameras: this.#cameras };
  }

  #group(kind: string, group: string, stream: number, size: Point): void {
    if (kind === "direction-detection") {
      const message = "is not needed: every object in an event has its heading; ignored";
      this.#report("unknown-group", group, undefined, message);
      return;
    }
    if (this.#value(group, "inverse-roi") === "1") {
      const message = "reports objects outside the area, which a zone cannot; left out";
      this.#report("unknown-value", group, "inverse-roi", message, "warning");
      return;
    }
    const camera = this.#camera(stream);
    const classes = this.#classes(group);
    for (const setting of this.#config.settings.filter((one) => one.group === group)) {
      const [, prefix, name = ""] = /^(roi|line-crossing)-(.+)$/.exec(setting.key) ?? [];
      if (prefix === undefined) continue;
      const points = this.#points(setting, size);
      if (points === undefined) continue;
      const id = slugOf(name) ?? `${kind}-${stream}`;
      if (prefix === "roi") {
        const crowd = kind === "overcrowding" ? this.#crowd(group) : {};
        camera.zones.push({ id, points, ...classes, ...crowd });
      } else if (points.length === 4) {
        camera.lines.push({ id, ...lineOf(points), ...classes });
      } else {
        const allowed = "four points x;y: the direction from the first to the second, and the line";
        this.#report("wrong-type", group, setting.key, refusal("is no line", allowed), "error");
      }
    }
  }

  /** All cameras up to this one. */
  #camera(stream: number): Camera {
    for (let number = this.#cameras.length; number <= stream; number++) {
      this.#cameras.push({ id: `stream-${number}`, uri: ADDRESS, zones: [], lines: [] });
    }
    return this.#cameras[stream] as Camera; // made above
  }

  #crowd(group: string): Pick<Zone, "crowd"> {
    const threshold = GLIB.integer(this.#value(group, "object-threshold") ?? "");
    return threshold === undefined || threshold < 0 ? {} : { crowd: threshold };
  }

  #classes(group: string): Pick<Zone, "classes"> {
    const ids = GLIB.items(this.#value(group, "class-id") ?? "").map((raw) => GLIB.integer(raw));
    const wanted = ids.filter((id) => id !== undefined && id >= 0) as number[];
    if (wanted.length === 0) return {};
    const names = wanted.map((id) => this.#labels?.[id]);
    const known = names.filter((name) => name !== undefined && name !== "") as string[];
    if (known.length === wanted.length) return { classes: known };
    const message =
      this.#labels === undefined
        ? `is ${wanted.join(";")}; give the model's labels with --labels FILE`
        : `is ${wanted.join(";")}, and the labels have no such line`;
    this.#report("unknown-class", group, "class-id", message, "error");
    return {};
  }

  /** In fractions of the frame. */
  #points({ group, key, raw }: Setting, [width, height]: Point): Point[] | undefined {
    const numbers = GLIB.items(raw).map((item) => GLIB.integer(item.trim()));
    const pairs = numbers.length / 2;
    if (!Number.isInteger(pairs) || numbers.includes(undefined)) {
      const message = refusal(`is "${raw}"`, "pairs of whole numbers x;y;x;y");
      this.#report("wrong-type", group, key, message, "error");
      return undefined;
    }
    return Array.from({ length: pairs }, (_, index) => [
      fraction(numbers[2 * index] ?? 0, width),
      fraction(numbers[2 * index + 1] ?? 0, height),
    ]);
  }

  #size(key: string): number {
    const size = GLIB.integer(this.#value("property", key) ?? "");
    if (size !== undefined && size > 0) return size;
    const message = refusal("is missing or no size", "the size in pixels that all points are in");
    this.#report("missing-key", "property", key, message, "error");
    return 1;
  }

  /** Of a key that is given twice, the last one counts. */
  #value(group: string, key: string): string | undefined {
    return this.#config.settings
      .findLast((one) => one.group === group && one.key === key)
      ?.value.trim();
  }

  #report(
    code: string,
    group: string,
    key: string | undefined,
    message: string,
    severity: Problem["severity"] = "notice",
  ): void {
    const line =
      key === undefined
        ? this.#config.groups.find(({ name }) => name === group)?.line
        : this.#config.settings.findLast((one) => one.group === group && one.key === key)?.line;
    const path = key === undefined ? `[${group}]` : `[${group}] ${key}`;
    this.problems.push(problem(code, { file: this.#file, line, path }, message, severity));
  }
}

/** The line whose crossings in the given direction are `in`: to the right of it. */
function lineOf([start, end, from, to]: readonly Point[]): Pick<Line, "from" | "to"> {
  const [a, b, c, d] = [start, end, from, to] as [Point, Point, Point, Point]; // four points
  const direction: Point = [c[0] + b[0] - a[0], c[1] + b[1] - a[1]];
  return sideOf(direction, c, d) >= 0 ? { from: c, to: d } : { from: d, to: c };
}

/** Points at the edge are often one pixel beyond it. */
function fraction(pixels: number, size: number): number {
  const share = Math.round((pixels / size) * 1e6) / 1e6;
  return pixels === size + 1 ? 1 : share;
}
