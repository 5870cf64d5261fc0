import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { readCameraUri } from "./camera-uri.js";

describe("readCameraUri", () => {
  /** Address as written, address without login, user name, password. */
  const logins: readonly [string, string, string, string][] = [
    ["rtsp://u:p@10.0.0.9/live", "rtsp://10.0.0.9/live", "u", "p"],
    ["rtsp://u:p@cam/live?ch=1&subtype=0", "rtsp://cam/live?ch=1&subtype=0", "u", "p"],
    ["RTSPS://u:p@cam.local:322", "rtsps://cam.local:322", "u", "p"],
    ["rtsp://u@10.0.0.9/", "rtsp://10.0.0.9/", "u", ""],
    ["rtsp://u:@10.0.0.9/", "rtsp://10.0.0.9/", "u", ""],
    ["rtsp://u:p@[fe80::1]:554/live", "rtsp://[fe80::1]:554/live", "u", "p"],
    ["rtsp://u:p@[fe80::1%eth0]/live", "rtsp://[fe80::1%eth0]/live", "u", "p"],
    ["rtsp://u:p%40s%3As%2F%25@10.0.0.9/", "rtsp://10.0.0.9/", "u", "p@s:s/%"],
    ["rtsp://u:p@ss@10.0.0.9/live", "rtsp://10.0.0.9/live", "u", "p@ss"],
    ["rtsp://u:p@ss@cam/live", "rtsp://cam/live", "u", "p@ss"],
    ["rtsp://u:a:b:c@10.0.0.9/live", "rtsp://10.0.0.9/live", "u", "a:b:c"],
    ["rtsp://u:a/b@10.0.0.9/live", "rtsp://10.0.0.9/live", "u", "a/b"],
    ["rtsp://u:/@10.0.0.9/live", "rtsp://10.0.0.9/live", "u", "/"],
    ["rtsp://u:a#b?c@10.0.0.9/live", "rtsp://10.0.0.9/live", "u", "a#b?c"],
    ["rtsp://u:p@a/b@10.0.0.9/live", "rtsp://10.0.0.9/live", "u", "p@a/b"],
    ["rtsp://u:100%@10.0.0.9/live", "rtsp://10.0.0.9/live", "u", "100%"],
    ["rtsp://u:p@10.0.0.9/live@1", "rtsp://10.0.0.9/live@1", "u", "p"],
    ["rtsp://u:p@10.0.0.9/mail/joe@example.com", "rtsp://10.0.0.9/mail/joe@example.com", "u", "p"],
    ["rtsp://u:p@cam/live@1", "rtsp://cam/live@1", "u", "p"],
    ["rtsp://u:p 1@cam.local./live", "rtsp://cam.local./live", "u", "p 1"],
  ];
  for (const [text, uri, username, password] of logins) {
    it(`separates the login from ${text}`, () => {
      const credentials = { username, password };
      assert.deepEqual(readCameraUri(text), { t: "uri", uri, credentials });
    });
  }

  for (const text of [
    "rtsp://10.0.0.9/live",
    "rtsp://camera",
    "rtsp://camera:8554/demo",
    "rtsp://camera/live@10.0.0.9",
    "rtsp://10.0.0.9:554/live@site.local",
    "rtsp://[::1]:8554/demo",
    "file:///data/clip with blanks.mp4",
    "/dev/video0",
    "test://",
    "test://smpte",
  ]) {
    it(`keeps ${text} as it is`, () => {
      assert.deepEqual(readCameraUri(text), { t: "uri", uri: text, credentials: undefined });
    });
  }

  it("reads a login of the form secret:NAME as the name of a secret", () => {
    const credentials = { secret: "cam-front" };
    const expected = { t: "uri", uri: "rtsp://cam/1", credentials };
    assert.deepEqual(readCameraUri("rtsp://secret:cam-front@cam/1"), expected);
  });

  it("lets a user be called secret", () => {
    const credentials = { username: "secret", password: "p" };
    const expected = { t: "uri", uri: "rtsp://cam/1", credentials };
    assert.deepEqual(readCameraUri("rtsp://%73ecret:p@cam/1"), expected);
  });

  it("treats an empty login as none", () => {
    const expected = { t: "uri", uri: "rtsp://10.0.0.9/", credentials: undefined };
    assert.deepEqual(readCameraUri("rtsp://@10.0.0.9/"), expected);
  });

  /** What is refused, and what the hint says. */
  const refused: readonly [string, RegExp | undefined][] = [
    ["rtsp://admin:12/34@10.0.0.9/live", /%2F/],
    ["rtsp://u:a@b/c@d/e", /%40/],
    ["rtsp://secret:p@ss@cam.local/1", /%73ecret/],
    ["rtsp://", undefined],
    ["rtsp:///live", undefined],
    ["rtsp://cam:99999/live", /1 to 65535/],
    ["rtsp://cam:/live", /1 to 65535/],
    ["rtsp://cam:55x/live", /1 to 65535/],
    ["rtsp://10.0.0/live", /four numbers/],
    ["rtsp://u:p@10.0.0.256:554/live", /four numbers/],
    ["rtsp://kamera-süd/live", /xn--kamera-sd-/],
    ["rtsp://１０.0.0.9/live", /10\.0\.0\.9/],
    ["rtsp://u:p@kamera-süd/live", /in ASCII/],
    ["rtsp://cam/live one", /%20/],
    ["rtsp://cam/live\tone", /%20/],
    ["rtsp://cam/live\\one", /%20/],
    ["rtsp://u:p@cam/live one", /%20/],
    ["rtsp://cam/1, 10.0.0.9/2", /comma/],
    ["rtsp://cam/1 rtsp://cam/2", /comma/],
    ["'rtsp://cam/live'", /quotation/],
    ["rtsp://fe80::1/live", /brackets/],
    ["rstp://10.0.0.9/live", /rtsp:\/\/\?/],
    ["rtsp:/10.0.0.9/live", /rtsp:\/\/\?/],
    ["http://10.0.0.9/live", undefined],
    ["10.0.0.9/live", /scheme/],
    ["/data/clip.mp4", /file:\/\/\/data\/clip\.mp4/],
    ["file://clip.mp4", undefined],
    ["/dev/video", undefined],
    ["/dev/sda", undefined],
  ];
  for (const [text, hint] of refused) {
    it(`refuses ${text}`, () => {
      const reading = readCameraUri(text);
      assert.ok(reading.t === "refused", "it was read");
      if (hint === undefined) assert.equal(reading.hint, undefined);
      else assert.match(reading.hint ?? "", hint);
    });
  }
});
