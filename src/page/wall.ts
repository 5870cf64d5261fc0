/** Shows all cameras, or one of them: plays the streams that are needed, each on a canvas of its own. */

import type { ApiOutput } from "../common/api/schema.js";
import { element, show } from "./dom.js";
import { play } from "./player.js";
import { fit, type Rectangle, tile } from "./tiles.js";
import type { PageState } from "./updates.js";

/** A browser has six connections to a server, for the streams, updates and requests of all its tabs. */
const MOST_STREAMS = 2;
/** A stream in which nothing moves may send a frame every few seconds. */
const SILENT_MS = 4_000;

interface Shown {
  readonly output: string;
  readonly camera: string | undefined;
  /** Of a tiled stream, only the tile of one of so many cameras. */
  readonly tile: readonly [index: number, count: number] | undefined;
  readonly name: string;
}

interface Player {
  readonly stop: AbortController;
  readonly figure: HTMLElement;
  /** Says why no frames come, if none do. */
  readonly explain: () => void;
}

export class Wall {
  readonly #root: HTMLElement;
  readonly #note = element("p", { className: "quiet" });
  readonly #players = new Map<string, Player>();
  #state: PageState | undefined;
  #camera: string | undefined;

  constructor(root: HTMLElement) {
    this.#root = root;
    root.after(this.#note);
  }

  /** The stream that a snapshot is taken of. */
  get stream(): Pick<Shown, "output" | "camera"> | undefined {
    return this.#wanted()[0];
  }

  /** The live camera that is shown alone, with its figure. Undefined: there is none. */
  get single(): { readonly camera: string; readonly figure: HTMLElement } | undefined {
    const [shown, ...more] = this.#wanted();
    const camera = this.#state?.cameras.find(({ id }) => id === shown?.name);
    const player = this.#players.get(JSON.stringify(shown));
    if (more.length > 0 || camera?.state !== "live" || player === undefined) return undefined;
    return { camera: camera.id, figure: player.figure };
  }

  /** Undefined: all cameras. */
  showCamera(id: string | undefined): void {
    this.#camera = id;
    this.#update();
  }

  onState(state: PageState): void {
    // While a worker is replaced there are no streams: those that were shown are expected back.
    if (state.outputs.length === 0) return;
    this.#state = state;
    this.#update();
  }

  #wanted(): Shown[] {
    const { cameras = [], outputs = [] } = this.#state ?? {};
    const ids = cameras.map(({ id }) => id);
    // A wall of one camera shows what that camera sends, without a border.
    const chosen = this.#camera ?? (ids.length === 1 ? ids[0] : undefined);
    const index = chosen === undefined ? -1 : ids.indexOf(chosen);
    const { tiled, own } = streamsOf(outputs);
    if (index >= 0) {
      const stream = own.find(({ camera }) => camera === chosen);
      const name = ids[index] ?? "";
      if (stream !== undefined) {
        return [{ output: stream.id, camera: stream.camera, tile: undefined, name }];
      }
      return tiled === undefined
        ? []
        : [{ output: tiled.id, camera: undefined, tile: [index, ids.length], name }];
    }
    if (tiled !== undefined) {
      return [{ output: tiled.id, camera: undefined, tile: undefined, name: "all cameras" }];
    }
    return own.slice(0, MOST_STREAMS).map(({ id, camera }) => {
      return { output: id, camera, tile: undefined, name: camera ?? id };
    });
  }

  #update(): void {
    const wanted = new Map(this.#wanted().map((one) => [JSON.stringify(one), one]));
    for (const [key, { stop, figure }] of this.#players) {
      if (wanted.has(key)) continue;
      stop.abort();
      figure.remove();
      this.#players.delete(key);
    }
    for (const [key, one] of wanted) {
      if (this.#players.has(key)) continue;
      const stop = new AbortController();
      this.#players.set(key, { stop, ...this.#start(one, stop.signal) });
    }
    for (const { explain } of this.#players.values()) explain();
    const { own, tiled } = streamsOf(this.#state?.outputs ?? []);
    const isCut = tiled === undefined && own.length > MOST_STREAMS && this.#players.size > 1;
    const note = `${MOST_STREAMS} of ${own.length} cameras are shown; choose one to see another.`;
    show(this.#note, isCut ? note : "", "quiet");
  }

  /** What is shown of a frame of the stream: of a live camera's tile, only what the camera sends. */
  #partOf(one: Shown, width: number, height: number): Rectangle {
    if (one.tile === undefined) return { x: 0, y: 0, width, height };
    const its = tile(...one.tile, width, height);
    const camera = this.#state?.cameras[one.tile[0]];
    if (camera?.width === undefined || camera.height === undefined) return its;
    return fit(camera.width, camera.height, its);
  }

  #start(one: Shown, signal: AbortSignal): Omit<Player, "stop"> {
    const canvas = element("canvas", { width: 16, height: 9 });
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", `Live video of ${one.name}`);
    const caption = element("figcaption", {}, "Connecting");
    const figure = element("figure", {}, canvas, caption);
    this.#root.append(figure);
    const context = canvas.getContext("2d");
    let silence: number | undefined;
    let trouble: string | undefined = "Connecting";
    const explain = () => {
      show(caption, trouble === undefined ? "" : (this.#whyNotLive(one) ?? trouble));
    };
    const setTrouble = (why: string | undefined) => {
      clearTimeout(silence);
      trouble = why;
      explain();
    };
    const onImage = (image: CanvasImageSource, width: number, height: number) => {
      setTrouble(undefined);
      silence = setTimeout(() => setTrouble("No frames come at present"), SILENT_MS);
      const part = this.#partOf(one, width, height);
      // A canvas that gets a size is cleared.
      if (canvas.width !== part.width) canvas.width = part.width;
      if (canvas.height !== part.height) canvas.height = part.height;
      context?.drawImage(
        ...([image, part.x, part.y, part.width, part.height] as const),
        ...([0, 0, part.width, part.height] as const),
      );
    };
    const onTrouble = (why: string) => setTrouble(`No video: ${why}`);
    void play({ output: one.output, camera: one.camera, onImage, onTrouble }, signal);
    signal.addEventListener("abort", () => clearTimeout(silence), { once: true });
    return { figure, explain };
  }

  /** Of a stream of one camera. */
  #whyNotLive(one: Shown): string | undefined {
    const camera = this.#state?.cameras.find(({ id }) => id === one.name);
    if (camera === undefined || camera.state === "live") return undefined;
    const { id, state, detail } = camera;
    return `${id} is ${state}${detail === undefined ? "" : `: ${detail}`}`;
  }
}

/** The tiled stream and those of single cameras, of one output each. Windows have no stream. */
function streamsOf(outputs: readonly ApiOutput[]) {
  const streams = outputs.filter(({ port, path }) => port !== undefined || path !== undefined);
  const first = streams.find(({ camera }) => camera !== undefined);
  return {
    tiled: streams.find(({ camera }) => camera === undefined),
    own: streams.filter(({ id, camera }) => id === first?.id && camera !== undefined),
  };
}
