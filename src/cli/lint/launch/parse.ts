/** A gst-launch line as elements with their settings, and links between them. */

import { closest } from "../../../common/closest.js";
import { didYouMean, type Problem, problem } from "../../../common/problem.js";
import { LaunchSyntaxError, splitLaunchLine, type Word } from "./words.js";

/** Far more than any pipeline has. What follows takes time in proportion to the square. */
const MOST_ELEMENTS = 2000;

export interface LaunchElement {
  /** Counted from 1. A caps filter that stands between two elements counts as one. */
  readonly number: number;
  readonly factory: string;
  readonly settings: ReadonlyMap<string, string>;
}

export interface Link {
  readonly from: LaunchElement;
  readonly to: LaunchElement;
}

export interface LaunchLine {
  readonly elements: readonly LaunchElement[];
  readonly links: readonly Link[];
  /** Variables set in front of the command. */
  readonly environment: ReadonlyMap<string, string>;
}

export interface LaunchReading {
  readonly launch: LaunchLine | undefined;
  readonly problems: readonly Problem[];
}

export function parseLaunchLine(line: string): LaunchReading {
  try {
    const words = splitLaunchLine(line);
    const { environment, body } = withoutCommand(words);
    return new Builder(environment).build(body);
  } catch (error) {
    if (!(error instanceof LaunchSyntaxError)) throw error;
    return { launch: undefined, problems: [problem("launch-syntax", "launch", error.message)] };
  }
}

export function setting(element: LaunchElement, name: string): string | undefined {
  return element.settings.get(name);
}

/** `nvstreammux#2/width`, or `nvstreammux#2`. */
export function pathOf(element: LaunchElement, name?: string): string {
  return `${element.factory}#${element.number}${name === undefined ? "" : `/${name}`}`;
}

/** Takes `A=b gst-launch-1.0 -e` off the front; all of it may be absent. */
function withoutCommand(words: readonly Word[]) {
  const environment = new Map<string, string>();
  let start = 0;
  for (const word of words) {
    if (word.t === "setting" && /^(--|[A-Z][A-Z0-9_]*$)/.test(word.name)) {
      environment.set(word.name, word.value);
    } else if (word.t !== "name" || !/^(-|gst-launch(-1\.0)?$)/.test(word.text)) {
      break;
    }
    start++;
  }
  return { environment, body: words.slice(start) };
}

/** An end of a link: an element, or the name of one that may come later in the line. */
type End =
  | { readonly t: "element"; readonly element: Growing }
  | { readonly t: "reference"; readonly name: string };

type Growing = LaunchElement & { readonly settings: Map<string, string> };

class Builder {
  readonly #environment: ReadonlyMap<string, string>;
  readonly #elements: Growing[] = [];
  readonly #links: { from: End; to: End }[] = [];
  readonly #problems: Problem[] = [];
  /** What a `!` would link from, and what a setting belongs to. */
  #last: End | undefined;
  #isLinking = false;

  constructor(environment: ReadonlyMap<string, string>) {
    this.#environment = environment;
  }

  build(words: readonly Word[]): LaunchReading {
    for (const word of words) this.#take(word);
    if (this.#isLinking)
      throw new LaunchSyntaxError("it ends with a !: name the element that comes next");
    if (this.#elements.length === 0) throw new LaunchSyntaxError("it names no element");
    const links = this.#links.flatMap(({ from, to }) => this.#resolve(from, to));
    const launch = { elements: this.#elements, links, environment: this.#environment };
    return { launch, problems: this.#problems };
  }

  #take(word: Word): void {
    switch (word.t) {
      case "link":
        if (this.#isLinking) throw new LaunchSyntaxError("two ! follow each other");
        if (this.#last === undefined)
          throw new LaunchSyntaxError("it begins with a !: name an element first");
        this.#isLinking = true;
        return;
      case "open":
      case "close":
        // Bins change neither the elements nor, for our purposes, their links.
        return;
      case "setting":
        this.#set(word.name, word.value);
        return;
      case "caps":
        this.#add("capsfilter").settings.set("caps", word.text);
        return;
      case "name":
        this.#name(word.text);
        return;
      default:
        word satisfies never;
    }
  }

  #set(name: string, value: string): void {
    if (this.#last?.t !== "element" || this.#isLinking) {
      throw new LaunchSyntaxError(`${name}=${value} stands behind no element`);
    }
    this.#last.element.settings.set(name, value);
  }

  #name(text: string): void {
    // gst-launch takes its own options anywhere.
    if (text.startsWith("-")) return;
    // NAME.PAD or NAME. alone: which pad does not matter here.
    const name = /^([\w-]*)\.[\w%-]*$/.exec(text)?.[1];
    if (name !== undefined) {
      this.#reach({ t: "reference", name });
    } else if (/^[a-z][\w-]*$/i.test(text)) {
      this.#add(text);
    } else {
      throw new LaunchSyntaxError(`"${text}" is neither an element, a setting nor a link`);
    }
  }

  #add(factory: string): Growing {
    if (this.#elements.length === MOST_ELEMENTS) {
      throw new LaunchSyntaxError(`it has more than ${MOST_ELEMENTS} elements`);
    }
    const element = { number: this.#elements.length + 1, factory, settings: new Map() };
    this.#elements.push(element);
    this.#reach({ t: "element", element });
    return element;
  }

  /** Without a `!` before it, an element or reference begins a new chain. */
  #reach(end: End): void {
    if (this.#isLinking && this.#last !== undefined) {
      this.#links.push({ from: this.#last, to: end });
    }
    this.#isLinking = false;
    this.#last = end;
  }

  /** A link to a name that nothing has is left out, and told. */
  #resolve(from: End, to: End): Link[] {
    const [source, sink] = [this.#find(from), this.#find(to)];
    if (source === undefined || sink === undefined) return [];
    return [{ from: source, to: sink }];
  }

  #find(end: End): LaunchElement | undefined {
    if (end.t === "element") return end.element;
    const found = this.#elements.find((element) => element.settings.get("name") === end.name);
    // gst-launch names an element by its factory and a number: tee0.
    const generated = this.#elements.find((element) => `${element.factory}0` === end.name);
    if (found !== undefined || generated !== undefined) return found ?? generated;
    const names = this.#elements.flatMap((element) => element.settings.get("name") ?? []);
    const message = `no element has name=${end.name}${didYouMean(closest(end.name, names))}`;
    if (!this.#problems.some((known) => known.message === message)) {
      this.#problems.push(problem("unknown-reference", `${end.name}.`, message));
    }
    return undefined;
  }
}
