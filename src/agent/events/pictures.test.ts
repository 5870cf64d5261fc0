import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import type { PictureOptions } from "../../common/settings/events.js";
import { type Deferred, defer } from "../../common/testing/deferred.js";
import { eventually } from "../../common/testing/eventually.js";
import { FakeClock } from "../../common/testing/fake-clock.js";
import { SidecarError } from "../sidecar/calls.js";
import type { PictureRequest } from "../sidecar/sidecar.js";
import { type PictureEvent, Pictures } from "./pictures.js";

const BOUNDS: PictureOptions = {
  types: ["object.seen"],
  ...{ of: "frame", maxBytes: 1e6, maxCount: 100, maxAgeMs: 60_000 },
};
const REQUEST: PictureRequest = { cameraId: "front", pts: 7n, area: undefined };

describe("Pictures", () => {
  let root: string;
  let directory: string;
  let clock: FakeClock;
  let wallMs: number;
  let heard: PictureEvent[];
  let asked: PictureRequest[];
  let answer: () => Promise<Uint8Array>;
  let pictures: Pictures;
  let stop: AbortController;
  let ended: Promise<void> | undefined;

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "pictures-"));
    directory = join(root, "pictures");
    [clock, wallMs, heard, asked] = [new FakeClock(), Date.UTC(2026, 10, 30), [], []];
    answer = () => Promise.resolve(new Uint8Array(100));
    open();
  });

  afterEach(async () => {
    await close();
    rmSync(root, { recursive: true });
  });

  function open(): void {
    pictures = new Pictures({
      ...{ directory, clock, wallClock: () => wallMs++, onEvent: (event) => heard.push(event) },
      open: () => ({
        takePicture: (request) => {
          asked.push(request);
          return answer();
        },
        close: () => {},
      }),
    });
    stop = new AbortController();
    ended = undefined;
  }

  function run(bounds: PictureOptions | undefined = BOUNDS): void {
    pictures.setBounds(bounds);
    ended = pictures.run(stop.signal);
  }

  async function close(): Promise<void> {
    stop.abort();
    await ended;
  }

  const names = () => (existsSync(directory) ? readdirSync(directory).sort() : []);
  const isIdle = () => eventually(() => clock.nextMs !== undefined, "it waits");

  it("keep what the sidecar returns under the id that the event gets at once", async () => {
    answer = () => Promise.resolve(new Uint8Array([1, 2, 3]));
    run();
    const id = pictures.take(REQUEST) ?? "";
    await eventually(() => names().length === 1 && asked.length === 1, "it is kept");
    await isIdle();
    assert.deepEqual([...((await pictures.read(id)) ?? [])], [1, 2, 3]);
    assert.deepEqual(asked, [REQUEST]);
  });

  it("stay within their number, bytes and age, the oldest first", async () => {
    run({ ...BOUNDS, maxCount: 3 });
    const ids: string[] = [];
    for (let count = 0; count < 5; count++) {
      ids.push(pictures.take(REQUEST) ?? "");
      await eventually(() => asked.length === count + 1, "it is taken");
      await isIdle();
    }
    assert.deepEqual(
      names(),
      ids.slice(2).map((id) => `${id}.jpg`),
    );
    pictures.setBounds({ ...BOUNDS, maxBytes: 250 });
    await eventually(() => names().length === 2, "two have room");
    await isIdle();
    wallMs += BOUNDS.maxAgeMs + 1000;
    clock.advance(600_000);
    await eventually(() => names().length === 0, "they are too old");
  });

  it("count what an earlier run has left, and remove what a kill has left unfinished", async () => {
    mkdirSync(directory);
    const old = ["20261129T235950000Z-0000000000000001", "20261129T235950000Z-0000000000000002"];
    for (const id of old) writeFileSync(join(directory, `${id}.jpg`), "x");
    writeFileSync(join(directory, `${old[0]}.jpg.new`), "x");
    writeFileSync(join(directory, "notes.txt"), "of somebody else");
    run({ ...BOUNDS, maxCount: 1 });
    await eventually(() => names().length === 2, "one is left");
    assert.deepEqual(names(), [`${old[1]}.jpg`, "notes.txt"]);
  });

  it("are removed once no events get any, but not before the settings are known", async () => {
    mkdirSync(directory);
    writeFileSync(join(directory, "20261129T235950000Z-0000000000000001.jpg"), "x");
    ended = pictures.run(stop.signal);
    await isIdle();
    assert.equal(names().length, 1);
    pictures.setBounds(undefined);
    await eventually(() => names().length === 0, "they are gone");
    assert.equal(pictures.take(REQUEST), undefined);
  });

  it("let events go without one while too many wait", async () => {
    const held: Deferred = defer();
    answer = () => held.promise.then(() => new Uint8Array(1));
    run();
    const ids = Array.from({ length: 20 }, () => pictures.take(REQUEST));
    const waiting = ids.filter((id) => id !== undefined).length;
    assert.ok(waiting >= 8 && waiting <= 9, String(waiting));
    held.resolve();
    await eventually(() => names().length === waiting, "those that waited are taken");
  });

  it("say once why there are none, and that they work again", async () => {
    answer = () => Promise.reject(new SidecarError("UNAVAILABLE", "TakePicture", "no frames"));
    run();
    for (let count = 1; count <= 2; count++) {
      pictures.take(REQUEST);
      await eventually(() => asked.length === count, "it is asked");
      await isIdle();
    }
    assert.deepEqual(
      heard.map(({ t }) => t),
      ["picture failed"],
    );
    answer = () => Promise.resolve(new Uint8Array(1));
    pictures.take(REQUEST);
    await eventually(() => heard.at(-1)?.t === "pictures work again", "it works");
  });

  it("survive a directory that cannot be made", async () => {
    writeFileSync(directory, "a file in its place");
    run();
    pictures.take(REQUEST);
    await eventually(() => heard.length > 0, "it is said");
    rmSync(directory);
    pictures.take(REQUEST);
    await eventually(() => heard.at(-1)?.t === "pictures work again", "it works");
  });

  it("leave nothing behind when one cannot be kept", async () => {
    const answered = defer<Uint8Array>();
    answer = () => answered.promise;
    run();
    const name = `${pictures.take(REQUEST) ?? ""}.jpg`;
    // In the way of the picture.
    mkdirSync(join(directory, name, "full"), { recursive: true });
    answered.resolve(new Uint8Array(100));
    await eventually(() => heard.length === 1, "it fails");
    assert.deepEqual(names(), [name]);
  });

  it("are read by their ids alone", async () => {
    writeFileSync(join(root, "secret.jpg"), "x");
    for (const id of ["../secret", "", "secret", "20261129T235950000Z-0000000000000001"]) {
      assert.equal(await pictures.read(id), undefined, id);
    }
  });
});
