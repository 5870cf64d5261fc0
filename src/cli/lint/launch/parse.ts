/** Parses a gst-launch line into elements with their properties, and the links between them. */

import { closest } from "../../../common/closest.js";
import { didYouMean, type Problem, problem } from "../../../common/problem.js";

/** Far more than any pipeline has. The rules take time in proportion to the square of it. */
const MOST_ELEMENTS = 2000;

export interface LaunchElement {
  /** Counted from 1. A caps filter between two elements counts as an element. */
  readonly number: number;
  readonly factory: string;
  readonly settings: ReadonlyMap<string, string>;
}

export interface Link {
  readonly from: LaunchElement;
  readonly to: LaunchElement;
  /** The pad of `to` that the line names: `m.sink_0`. */
  readonly pad: string | undefined;
}

export interface LaunchLine {
  readonly elements: readonly LaunchElement[];
  readonly links: readonly Link[];
  /** Environment variables set in front of the command. */
  readonly environment: ReadonlyMap<string, string>;
}

export interface LaunchReading {
  readonly launch: LaunchLine | undefined;
  readonly problems: readonly Problem[];
}

export function parseLaunchLine(line: string): LaunchReading {
  try {
    const { environment, rest } = afterCommand(line);
    return new Parser(environment).parse(withoutOptions(tokenize(rest)));
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

const COMMAND = /^(.*[\s|;&(]|)(?:\S*\/)?gst-launch(?:-1\.0)?(?=\s|$)/s;
const ASSIGNMENT = /^\s*([A-Z][A-Z0-9_]*)=(\S*)(?=\s|$)/;

/** Takes `A=b sudo gst-launch-1.0`, or only `A=b`, off the front; other commands may be in front of it. */
function afterCommand(line: string) {
  const environment = new Map<string, string>();
  const [command, before = ""] = COMMAND.exec(line) ?? [];
  let rest = command === undefined ? line : before;
  if (command !== undefined) rest = rest.replace(/^.*[|;&(]/s, "");
  for (const word of command === undefined ? [] : rest.split(/\s+/)) {
    const [, name, value] = ASSIGNMENT.exec(word) ?? [];
    if (name !== undefined) environment.set(name, value ?? "");
  }
  if (command !== undefined) return { environment, rest: line.slice(command.length) };
  for (let found = ASSIGNMENT.exec(rest); found !== null; found = ASSIGNMENT.exec(rest)) {
    environment.set(found[1] ?? "", found[2] ?? "");
    rest = rest.slice(found[0].length);
  }
  return { environment, rest };
}

/** Options of gst-launch that take their value as a word of its own. */
const OPTIONS_WITH_VALUE =
  /^(-[oX]|--(output|exclude|gst-debug(-level)?|gst-plugin-(path|load)|gst-debug-options))$/;

/** gst-launch accepts its own options anywhere. */
function withoutOptions(tokens: readonly Token[]): readonly Token[] {
  return tokens.filter((token, i, all) => {
    const before = all[i - 1];
    return !isOption(token) && !(before?.t === "name" && OPTIONS_WITH_VALUE.test(before.text));
  });
}

function isOption(token: Token): boolean {
  if (token.t === "setting") return token.name.startsWith("-");
  return token.t === "name" && token.text.startsWith("-");
}

/** An end of a link: an element, or the name of one that may come later in the line. */
type End =
  | { readonly t: "element"; readonly element: MutableElement }
  | { readonly t: "reference"; readonly name: string; readonly pad: string | undefined };

type MutableElement = LaunchElement & { readonly settings: Map<string, string> };

class Parser {
  readonly #environment: ReadonlyMap<string, string>;
  readonly #elements: MutableElement[] = [];
  readonly #links: { from: End; to: End }[] = [];
  readonly #problems: Problem[] = [];
  /** What a `!` would link from, and what a setting belongs to. */
  #last: End | undefined;
  #isLinking = false;

  constructor(environment: ReadonlyMap<string, string>) {
    this.#environment = environment;
  }

  parse(tokens: readonly Token[]): LaunchReading {
    for (const token of tokens) this.#accept(token);
    if (this.#isLinking)
      throw new LaunchSyntaxError("it ends with a !: name the element that comes next");
    if (this.#elements.length === 0) throw new LaunchSyntaxError("it names no element");
    const links = this.#links.flatMap((link): Link[] => {
      const [from, to] = [this.#find(link.from), this.#find(link.to)];
      if (from === undefined || to === undefined) return [];
      return [{ from, to, pad: link.to.t === "reference" ? link.to.pad : undefined }];
    });
    const launch = { elements: this.#elements, links, environment: this.#environment };
    return { launch, problems: this.#problems };
  }

  #accept(token: Token): void {
    if (token.t === "link") this.#link();
    else if (token.t === "setting") this.#set(token.name, token.value);
    else if (token.t === "caps") this.#add("capsfilter").settings.set("caps", token.text);
    else this.#name(token.text);
  }

  #link(): void {
    if (this.#isLinking) throw new LaunchSyntaxError("two ! follow each other");
    if (this.#last === undefined)
      throw new LaunchSyntaxError("it begins with a !: name an element first");
    this.#isLinking = true;
  }

  #set(name: string, value: string): void {
    if (this.#last?.t !== "element" || this.#isLinking) {
      throw new LaunchSyntaxError(`${name}=${value} does not follow an element`);
    }
    // GLib takes _ for - in the name of a property.
    this.#last.element.settings.set(name.replaceAll("_", "-"), value);
  }

  #name(text: string): void {
    // NAME.PAD, or NAME. alone.
    const [, name, pad = ""] = /^([\w-]*)\.([\w%-]*)$/.exec(text) ?? [];
    if (name !== undefined) {
      this.#linkTo({ t: "reference", name, pad: pad === "" ? undefined : pad });
    } else if (/^[a-z][\w-]*$/i.test(text) || VARIABLE.test(text)) {
      this.#add(text);
    } else {
      throw new LaunchSyntaxError(`"${text}" is neither an element, a setting nor a link`);
    }
  }

  #add(factory: string): MutableElement {
    if (this.#elements.length === MOST_ELEMENTS) {
      throw new LaunchSyntaxError(`it has more than ${MOST_ELEMENTS} elements`);
    }
    const element = { number: this.#elements.length + 1, factory, settings: new Map() };
    this.#elements.push(element);
    this.#linkTo({ t: "element", element });
    return element;
  }

  /** Without a `!` before it, an element or reference begins a new chain. */
  #linkTo(end: End): void {
    if (this.#isLinking && this.#last !== undefined) {
      this.#links.push({ from: this.#last, to: end });
    }
    this.#isLinking = false;
    this.#last = end;
  }

  /** A name that no element has is reported, once; its links are left out. */
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

/** A variable of the shell where an element belongs: it may hold one, with its settings. */
const VARIABLE = /^\$(\w+|\{\w+\})$/;

type Token =
  | { readonly t: "link" }
  | { readonly t: "caps"; readonly text: string }
  | { readonly t: "setting"; readonly name: string; readonly value: string }
  /** The name of an element, or with a dot a reference to one: mux.sink_0, t. */
  | { readonly t: "name"; readonly text: string };

class LaunchSyntaxError extends Error {
  override readonly name = "LaunchSyntaxError";
}

const CAPS = /^[a-z]+\/[a-z0-9.+*-]+/i;
const SETTING = /^([\w:-]+)\s*=\s*/;

/** Splits a line as a shell and then gst-launch would. Drops ( and ): for the rules a bin changes nothing. */
function tokenize(line: string): Token[] {
  const tokens: Token[] = [];
  let rest = line.replace(/\\\r?\n/g, " ");
  for (;;) {
    rest = rest.trimStart();
    // The shell's: a comment, and what ends or redirects the command.
    rest = rest.replace(/^#.*/, "").trimStart();
    if (rest === "" || /^(\||&|;|\d?>)/.test(rest)) return tokens;
    const mark = /^[!():](?=\s|$)|^[()]/.exec(rest)?.[0];
    if (mark !== undefined) {
      if (mark !== "(" && mark !== ")") tokens.push({ t: "link" });
      rest = rest.slice(mark.length);
      continue;
    }
    const setting = SETTING.exec(rest);
    if (setting !== null) {
      const { text, length } = readWord(rest.slice(setting[0].length));
      tokens.push({ t: "setting", name: setting[1] ?? "", value: text });
      rest = rest.slice(setting[0].length + length);
      continue;
    }
    const { text, length } = CAPS.test(rest) ? readCapsWords(rest) : readWord(rest);
    tokens.push(classify(text));
    rest = rest.slice(length);
  }
}

/** A word in quotes may be any kind of token, too. */
function classify(text: string): Token {
  const inner = text.trim();
  const [assignment, name] = SETTING.exec(inner) ?? [];
  if (CAPS.test(inner)) return { t: "caps", text: inner };
  if (assignment !== undefined && name !== undefined) {
    return { t: "setting", name, value: inner.slice(assignment.length) };
  }
  return { t: "name", text: inner };
}

/** One word up to a blank, without its quotes and backslashes. length: how much of the input it takes. */
function readWord(input: string): { text: string; length: number } {
  let text = "";
  let quote = "";
  for (let i = 0; i < input.length; i++) {
    const char = input[i] ?? "";
    if (char === "\\" && quote !== "'" && i + 1 < input.length) {
      text += input[++i] ?? "";
    } else if (quote !== "") {
      if (char === quote) quote = "";
      else text += char;
    } else if (char === '"' || char === "'") {
      quote = char;
    } else if (/\s/.test(char) || (/[;&]/.test(char) && /^.(\s|$)/.test(input.slice(i, i + 2)))) {
      return { text, length: i };
    } else {
      text += char;
    }
  }
  if (quote !== "") throw new LaunchSyntaxError(`a ${quote} is not closed`);
  return { text, length: input.length };
}

/** Caps continue over blanks in a list, and next to a comma, an equals sign or a semicolon. */
function readCapsWords(input: string): { text: string; length: number } {
  let text = "";
  let length = 0;
  for (;;) {
    const word = readWord(input.slice(length));
    text += word.text;
    length += word.length;
    const blank = /^\s*/.exec(input.slice(length))?.[0] ?? "";
    const next = input[length + blank.length];
    if (next === undefined || next === "!") return { text, length };
    const isInList = count(text, /[{[<(]/g) > count(text, /[}\]>)]/g);
    if (!isInList && !/[,;=]$/.test(text) && !/[,;=]/.test(next)) return { text, length };
    length += blank.length;
  }
}

function count(text: string, pattern: RegExp): number {
  return text.match(pattern)?.length ?? 0;
}

/** The elements that are linked directly to this one's sink pads. */
export function sourcesOf(launch: LaunchLine, element: LaunchElement): readonly LaunchElement[] {
  return launch.links.filter(({ to }) => to === element).map(({ from }) => from);
}

/** All elements upstream of this one, the closest first. */
export function upstream(launch: LaunchLine, element: LaunchElement): readonly LaunchElement[] {
  return reachable(element, (one) => sourcesOf(launch, one));
}

/** All elements downstream of this one, the closest first. */
export function downstream(launch: LaunchLine, element: LaunchElement): readonly LaunchElement[] {
  return reachable(element, (one) =>
    launch.links.filter(({ from }) => from === one).map(({ to }) => to),
  );
}

function reachable(
  start: LaunchElement,
  next: (element: LaunchElement) => readonly LaunchElement[],
): readonly LaunchElement[] {
  const found = new Set(next(start));
  // The set grows while it is iterated.
  for (const element of found) for (const one of next(element)) found.add(one);
  return [...found];
}
