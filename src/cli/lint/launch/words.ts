/** Splits a gst-launch line into words, as a shell and then gst-launch would. */

export type Word =
  | { readonly t: "link" }
  | { readonly t: "open" }
  | { readonly t: "close" }
  | { readonly t: "caps"; readonly text: string }
  | { readonly t: "setting"; readonly name: string; readonly value: string }
  /** An element's name, or with a dot in it a reference to one: mux.sink_0, t. */
  | { readonly t: "name"; readonly text: string };

export class LaunchSyntaxError extends Error {
  override readonly name = "LaunchSyntaxError";
}

const CAPS = /^[a-z]+\/[a-z0-9.+*-]+/i;
const SETTING = /^([\w:-]+)\s*=\s*/;

export function splitLaunchLine(line: string): Word[] {
  const words: Word[] = [];
  let rest = line.replace(/\\\r?\n/g, " ");
  for (;;) {
    rest = rest.trimStart();
    if (rest === "") return words;
    const mark = /^[!():](?=\s|$)|^[()]/.exec(rest)?.[0];
    if (mark !== undefined) {
      words.push({ t: mark === "(" ? "open" : mark === ")" ? "close" : "link" });
      rest = rest.slice(mark.length);
      continue;
    }
    const setting = SETTING.exec(rest);
    if (setting !== null) {
      const { text, length } = takeText(rest.slice(setting[0].length));
      words.push({ t: "setting", name: setting[1] ?? "", value: text });
      rest = rest.slice(setting[0].length + length);
      continue;
    }
    const { text, length } = CAPS.test(rest) ? takeCaps(rest) : takeText(rest);
    words.push(classify(text));
    rest = rest.slice(length);
  }
}

/** What stood in quotes may be anything, too. */
function classify(text: string): Word {
  const inner = text.trim();
  const [assignment, name] = SETTING.exec(inner) ?? [];
  if (CAPS.test(inner)) return { t: "caps", text: inner };
  if (assignment !== undefined && name !== undefined) {
    return { t: "setting", name, value: inner.slice(assignment.length) };
  }
  return { t: "name", text: inner };
}

/** One word up to a blank, without its quotes and backslashes. length is what it takes of the input. */
function takeText(input: string): { text: string; length: number } {
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
    } else if (/\s/.test(char)) {
      return { text, length: i };
    } else {
      text += char;
    }
  }
  if (quote !== "") throw new LaunchSyntaxError(`a ${quote} is not closed`);
  return { text, length: input.length };
}

/** Caps go on over blanks that stand beside a comma, an equals sign or a semicolon. */
function takeCaps(input: string): { text: string; length: number } {
  let text = "";
  let length = 0;
  for (;;) {
    const word = takeText(input.slice(length));
    text += word.text;
    length += word.length;
    const blank = /^\s*/.exec(input.slice(length))?.[0] ?? "";
    const next = input[length + blank.length];
    if (next === undefined || next === "!") return { text, length };
    if (!/[,;=]$/.test(text) && !/[,;=]/.test(next)) return { text, length };
    length += blank.length;
  }
}
