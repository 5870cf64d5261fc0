import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { plainLines } from "./plain-text.js";

test("lines stay lines, and nothing in them is obeyed or turned round", () => {
  assert.equal(plainLines("a\tb\n\x1b[2Jc\x9b31m\r\n\u202ed\u2066\n"), "a\tb\n?[2Jc?31m \n?d?\n");
});

test("what a command prints is plain, whatever it prints", () => {
  const terminal = new URL("./terminal.js", import.meta.url).href;
  const program = `import { printLine, processTerminal } from ${JSON.stringify(terminal)};
    printLine("a\\u001b]0;b\\u0007"); processTerminal().out("\\u202ec\\n");`;
  const printed = execFileSync(process.execPath, ["--input-type=module", "-e", program], {
    encoding: "utf8",
  });
  assert.equal(printed, "a?]0;b?\n?c\n");
});
