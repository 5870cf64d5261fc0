/** Draws zones, lines and masks on the live frame of one camera; the result is for the settings document. */

import type { Point } from "../common/settings/polygon.js";
import { applyFields } from "./apply.js";
import { byId, element, show } from "./dom.js";
import { fieldsOf, flawIn, KINDS, pointAt, type Shape } from "./shapes.js";

const COLOURS = { zone: "#3ddc84", line: "#ffd23f", mask: "#ff6b6b" } as const;
const STEPS: Readonly<Record<string, Point>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};
/** Of an arrow key, and with Shift. */
const [FINE, COARSE] = [0.01, 0.1];

export class Editor {
  readonly #panel = byId("editor", HTMLElement);
  readonly #toggle = byId("draw", HTMLButtonElement);
  readonly #kind = byId("shape-kind", HTMLSelectElement);
  readonly #id = byId("shape-id", HTMLInputElement);
  readonly #outcome = byId("shape-outcome", HTMLElement);
  readonly #document = byId("shape-document", HTMLElement);
  readonly #overlay = element("canvas", { className: "overlay", tabIndex: 0 });
  #camera: string | undefined;
  #shapes: Shape[] = [];
  #points: Point[] = [];
  /** Where the keyboard's cross is. */
  #cross: Point = [0.5, 0.5];

  constructor() {
    this.#kind.append(...KINDS.map((kind) => element("option", { value: kind }, kind)));
    this.#overlay.setAttribute("role", "application");
    this.#toggle.addEventListener("click", () => this.#open(this.#panel.hidden === true));
    this.#overlay.addEventListener("pointerdown", (event) => this.#onPointer(event));
    this.#overlay.addEventListener("keydown", (event) => this.#onKey(event));
    this.#kind.addEventListener("change", () => this.#draw());
    byId("shape", HTMLFormElement).addEventListener("submit", (event) => {
      event.preventDefault();
      this.#finish();
    });
    byId("shape-undo", HTMLButtonElement).addEventListener("click", () => {
      this.#points.pop();
      this.#draw();
    });
    byId("shape-clear", HTMLButtonElement).addEventListener("click", () => this.#clear());
    byId("shape-copy", HTMLButtonElement).addEventListener("click", () => void this.#copy());
    const apply = byId("shape-apply", HTMLButtonElement);
    apply.addEventListener("click", () => {
      apply.disabled = true;
      void this.#apply().finally(() => {
        apply.disabled = false;
        apply.focus();
      });
    });
  }

  async #apply(): Promise<void> {
    const camera = this.#camera;
    if (camera === undefined || this.#shapes.length === 0) {
      show(this.#outcome, "finish a zone, a line or a mask first", "bad");
      return;
    }
    try {
      await applyFields(camera, fieldsOf(this.#shapes));
      this.#clear();
      show(this.#outcome, "applied on this node", "good");
    } catch (error) {
      show(this.#outcome, error instanceof Error ? error.message : String(error), "bad");
    }
  }

  /** The one live camera that is shown, and its figure. Undefined: there is none to draw on. */
  onShown(shown: { readonly camera: string; readonly figure: HTMLElement } | undefined): void {
    this.#toggle.disabled = shown === undefined;
    if (shown === undefined) return;
    if (shown.camera !== this.#camera) {
      this.#camera = shown.camera;
      this.#clear();
    }
    const canvas = shown.figure.querySelector("canvas");
    if (canvas === null || this.#panel.hidden === true) return;
    const isSame = this.#overlay.parentElement === shown.figure;
    if (isSame && this.#overlay.width === canvas.width && this.#overlay.height === canvas.height) {
      return;
    }
    this.#overlay.width = canvas.width;
    this.#overlay.height = canvas.height;
    if (!isSame) shown.figure.append(this.#overlay);
    this.#draw();
  }

  #open(isOpen: boolean): void {
    this.#panel.hidden = !isOpen;
    this.#toggle.ariaExpanded = String(isOpen);
    if (!isOpen) this.#overlay.remove();
  }

  #onPointer(event: PointerEvent): void {
    const { width, height } = this.#overlay;
    const box = this.#overlay.getBoundingClientRect();
    // The frame keeps its shape within the element.
    const scale = Math.min(box.width / width, box.height / height);
    const x = (event.clientX - box.left - (box.width - scale * width) / 2) / (scale * width);
    const y = (event.clientY - box.top - (box.height - scale * height) / 2) / (scale * height);
    this.#cross = pointAt(x, y);
    this.#add();
  }

  #onKey(event: KeyboardEvent): void {
    const step = STEPS[event.key];
    const size = event.shiftKey ? COARSE : FINE;
    if (step !== undefined) {
      this.#cross = pointAt(this.#cross[0] + size * step[0], this.#cross[1] + size * step[1]);
    } else if (event.key === "Enter" || event.key === " ") {
      this.#add();
    } else {
      return;
    }
    event.preventDefault();
    this.#draw();
  }

  #add(): void {
    this.#points.push(this.#cross);
    show(this.#outcome, `point ${this.#points.length} at ${this.#cross.join(", ")}`, "quiet");
    this.#draw();
  }

  #finish(): void {
    const shape: Shape = { ...this.#pending, points: this.#points };
    const flaw = flawIn(shape, this.#shapes);
    if (flaw !== undefined) {
      show(this.#outcome, flaw, "bad");
      return;
    }
    this.#shapes.push(shape);
    this.#points = [];
    this.#id.value = "";
    show(this.#outcome, `${shape.kind} ${shape.id} added`, "good");
    this.#draw();
  }

  get #pending(): Shape {
    const kind = KINDS.find((one) => one === this.#kind.value) ?? "zone";
    return { kind, id: kind === "mask" ? "" : this.#id.value.trim(), points: this.#points };
  }

  #clear(): void {
    this.#shapes = [];
    this.#points = [];
    show(this.#outcome, "");
    this.#draw();
  }

  async #copy(): Promise<void> {
    try {
      await navigator.clipboard.writeText(this.#document.textContent ?? "");
      show(this.#outcome, "copied", "good");
    } catch {
      show(this.#outcome, "this browser does not let the page copy: select the text", "bad");
    }
  }

  #draw(): void {
    const { kind } = this.#pending;
    this.#id.disabled = kind === "mask";
    const camera = this.#camera ?? "";
    show(byId("shape-camera", HTMLElement), camera);
    show(this.#document, JSON.stringify(fieldsOf(this.#shapes), null, 2));
    const [x, y] = this.#cross.map((value) => `${Math.round(100 * value)} %`);
    const label = `Drawing area of ${camera}: cross at ${x} from the left and ${y} from the top`;
    this.#overlay.setAttribute("aria-label", label);
    const context = this.#overlay.getContext("2d");
    if (context === null) return;
    context.clearRect(0, 0, this.#overlay.width, this.#overlay.height);
    for (const shape of [...this.#shapes, this.#pending]) this.#drawShape(context, shape);
    this.#drawCross(context);
  }

  #drawShape(context: CanvasRenderingContext2D, { kind, id, points }: Shape): void {
    const { width, height } = this.#overlay;
    const [first] = points;
    if (first === undefined) return;
    context.strokeStyle = COLOURS[kind];
    context.fillStyle = COLOURS[kind];
    context.lineWidth = Math.max(2, width / 300);
    context.font = `${Math.max(12, width / 40)}px sans-serif`;
    context.beginPath();
    for (const [x, y] of points) context.lineTo(x * width, y * height);
    if (kind !== "line") context.closePath();
    context.stroke();
    for (const [x, y] of points) context.fillRect(x * width - 3, y * height - 3, 6, 6);
    context.fillText(id, first[0] * width + 6, first[1] * height - 6);
  }

  #drawCross(context: CanvasRenderingContext2D): void {
    const { width, height } = this.#overlay;
    const [x, y] = [this.#cross[0] * width, this.#cross[1] * height];
    context.strokeStyle = "#ffffff";
    context.lineWidth = 2;
    context.beginPath();
    context.moveTo(x - 10, y);
    context.lineTo(x + 10, y);
    context.moveTo(x, y - 10);
    context.lineTo(x, y + 10);
    context.stroke();
  }
}
