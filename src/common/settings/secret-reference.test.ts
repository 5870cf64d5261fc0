import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { fillAddress, secretReference, secretReferences } from "./secret-reference.js";

describe("secretReference", () => {
  it("reads the name of a secret", () => {
    const value = { secret: "cam-front" };
    assert.deepEqual(secretReference().read("secret:cam-front"), { t: "value", value });
  });

  for (const text of [
    "hunter2",
    "secret:",
    "secret:a/b",
    "secret:../b",
    "secret:a b",
    "Secret:a",
  ]) {
    it(`refuses ${text} and does not show it`, () => {
      const reading = secretReference().read(text);
      assert.ok(reading.t === "refused");
      assert.deepEqual(reading.messages, [
        "is refused; allowed: secret:NAME, with the name of a secret",
      ]);
    });
  }

  it("reads a list, and reports every item that is not a reference", () => {
    const value = [{ secret: "a" }, { secret: "b" }];
    assert.deepEqual(secretReferences().read("secret:a, secret:b,"), { t: "value", value });
    const reading = secretReferences().read("secret:a,b,c");
    assert.ok(reading.t === "refused" && reading.messages.length === 2);
  });
});

describe("fillAddress", () => {
  const secrets: Readonly<Record<string, string>> = { front: "p@ss&w/rd", door: "d" };
  const fill = (uri: string) => fillAddress(uri, (name) => secrets[name]);

  it("replaces references by percent-encoded secrets", () => {
    assert.equal(
      fill("rtsp://cam/s?user=a&password=secret:front&ch=1"),
      "rtsp://cam/s?user=a&password=p%40ss%26w%2Frd&ch=1",
    );
    assert.equal(
      fill("rtsp://cam/s?u=secret:door;p=secret:front"),
      "rtsp://cam/s?u=d;p=p%40ss%26w%2Frd",
    );
  });

  it("leaves everything else as it is", () => {
    for (const uri of [
      "rtsp://cam/s?password=secret:unknown",
      "rtsp://cam/secret:front",
      "rtsp://cam/s?password=secret:front/x",
      "rtsp://cam/s?x=mysecret:front",
    ]) {
      assert.equal(fill(uri), uri);
    }
  });
});
