import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { GLIB, parseKeyFile } from "./key-file.js";

/** What GLib 2.74 itself answered for KEY=text. Undefined: it refused the value. */
const INTEGERS: readonly (readonly [string, number | undefined])[] = [
  ["1", 1],
  ["+1", 1],
  ["-1", -1],
  ["1 ", 1],
  ["1\t", 1],
  ["1 x", 1],
  ["1 # c", 1],
  ["1\r", 1],
  ["010", 10],
  ["2147483647", 2147483647],
  ["-2147483648", -2147483648],
  ["1#c", undefined],
  ["1;", undefined],
  ["0x10", undefined],
  ["", undefined],
  ["- 1", undefined],
  ["2147483648", undefined],
  ["-2147483649", undefined],
  ["99999999999999999999", undefined],
  ["1.0", undefined],
  ["1e3", undefined],
];

const FLOATS: readonly (readonly [string, number | undefined])[] = [
  ["1", 1],
  ["+1.5", 1.5],
  [".5", 0.5],
  ["-.5", -0.5],
  ["5.", 5],
  ["1e-3", 0.001],
  ["1E3", 1000],
  ["0x1p3", 8],
  ["0x10", 16],
  ["nan", Number.NaN],
  ["nan(1)", Number.NaN],
  ["-inf", Number.NEGATIVE_INFINITY],
  ["infinity", Number.POSITIVE_INFINITY],
  ["1e999", Number.POSITIVE_INFINITY],
  ["1,5", undefined],
  ["1.5 ", undefined],
  ["1.5\t", undefined],
  ["1.5 # c", undefined],
  ["1.5;", undefined],
  ["1/255", undefined],
  ["1.5f", undefined],
  ["1e", undefined],
  [".", undefined],
  ["", undefined],
];

const BOOLEANS: readonly (readonly [string, boolean | undefined])[] = [
  ["1", true],
  ["true", true],
  ["true  ", true],
  ["1\t", true],
  ["0", false],
  ["false", false],
  ["True", undefined],
  ["yes", undefined],
  ["01", undefined],
  ["2", undefined],
  ["1 # c", undefined],
  ["", undefined],
];

const TEXTS: readonly (readonly [string, string | undefined])[] = [
  ["a # c", "a # c"],
  ['"a"', '"a"'],
  ["a\\\\b", "a\\b"],
  ["a\\sb", "a b"],
  ["a;b", "a;b"],
  ["a\\b", undefined],
  ["a\\;b", undefined],
  ["a\\", undefined],
  ["\ufffd", undefined],
];

const LISTS: readonly (readonly [string, readonly (number | undefined)[]])[] = [
  ["1;2;3", [1, 2, 3]],
  ["1;2;3;", [1, 2, 3]],
  ["1; 2; 3", [1, 2, 3]],
  ["1 ;2 ;3 ", [1, 2, 3]],
  ["1;2;3 # c", [1, 2, 3]],
  ["1;2; ", [1, 2, 0]],
  ["", []],
  [";", [undefined]],
  ["1;;3", [1, undefined, 3]],
  ["1;2;;", [1, 2, undefined]],
  ["1,2,3", [undefined]],
];

const FILES: readonly (readonly [string, boolean])[] = [
  ["  [property]  \n  a = 1\n  # x\n", true],
  ["[property]\t\n[property]\n", true],
  ["[p]\n;x=1\n", true],
  ["[p]\na b=1\n//x=1\na[de]=1\na==1\n", true],
  ["[p]\r\na=1\r\n", true],
  ["# only a comment", true],
  ["[p]\n\f\na=1", true],
  ["\ufeff[p]\n", false],
  ["[p]\n;x\n", false],
  ["[p]\nabc\n", false],
  ["[p]\n=1\n", false],
  ["a=1\n[p]\n", false],
  ["[p[q]\n", false],
  ["[]\n", false],
  ["[p] # c\n", false],
  ["[p];\n", false],
  ["[p]\na[=1\n", false],
  ["[p]\n\v\na=1\n", false],
  ["[p]\n\u00a0\n", false],
  ["[p]\ra=1\r", false],
];

describe("a key file", () => {
  for (const [text, expected] of INTEGERS) {
    it(`has the integer that GLib reads in ${JSON.stringify(text)}`, () => {
      assert.equal(GLIB.integer(text), expected);
    });
  }
  for (const [text, expected] of FLOATS) {
    it(`has the floating-point number that GLib reads in ${JSON.stringify(text)}`, () => {
      assert.equal(GLIB.float(text), expected);
    });
  }
  for (const [text, expected] of BOOLEANS) {
    it(`has the boolean that GLib reads in ${JSON.stringify(text)}`, () => {
      assert.equal(GLIB.boolean(text), expected);
    });
  }
  for (const [text, expected] of TEXTS) {
    it(`has the string that GLib reads in ${JSON.stringify(text)}`, () => {
      assert.equal(GLIB.text(text), expected);
    });
  }
  for (const [text, expected] of LISTS) {
    it(`has the integers that GLib reads in the list ${JSON.stringify(text)}`, () => {
      assert.deepEqual(GLIB.items(text).map(GLIB.integer), expected);
    });
  }
  for (const [text, isRead] of FILES) {
    it(`is ${isRead ? "read" : "refused"} as GLib does it: ${JSON.stringify(text)}`, () => {
      assert.equal(parseKeyFile(text, "a").problems.length === 0, isRead);
    });
  }
});
