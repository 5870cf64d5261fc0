import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import type { ServerResponse } from "node:http";
import { describe, it } from "node:test";
import { FakeClock } from "../../common/testing/fake-clock.js";
import { PageUpdates } from "./page-updates.js";

class OpenPage extends EventEmitter {
  writableLength = 0;
  text = "";
  isDestroyed = false;

  write(text: string) {
    this.text += text;
  }

  destroy() {
    this.isDestroyed = true;
    this.emit("close");
  }

  /** What it has got since it was last asked: the names of the messages. */
  get messages(): string[] {
    const names = [...this.text.matchAll(/^event: (\w+)$/gm)].map(([, name = ""]) => name);
    this.text = "";
    return names;
  }
}

function setUp() {
  const clock = new FakeClock();
  let state = '{"ready":false}';
  const updates = new PageUpdates({
    clock,
    state: () => state,
    wallClock: () => 1_700_000_000_000,
  });
  const open = () => {
    const page = new OpenPage();
    // Nothing else of a response is used.
    const hasRoom = updates.add(page as unknown as ServerResponse, () => {});
    return { page, hasRoom };
  };
  const setState = (text: string) => {
    state = text;
  };
  return { clock, updates, open, setState };
}

describe("PageUpdates", () => {
  it("tells a page the state and the latest events when it opens, and what changes", () => {
    const { clock, updates, open, setState } = setUp();
    updates.onEvents(['{"id":"before"}']);
    const { page } = open();
    assert.equal(
      page.text,
      'event: state\ndata: {"timeMs":1700000000000,"state":{"ready":false}}\n\n' +
        'event: events\ndata: [{"id":"before"}]\n\n',
    );
    page.text = "";
    clock.advance(2_000);
    assert.deepEqual(page.messages, []);
    setState('{"ready":true}');
    clock.advance(1_000);
    assert.match(page.text, /"ready":true/);
    updates.onEvents(['{"id":"now"}']);
    assert.match(page.text, /event: events\ndata: \[\{"id":"now"\}\]/);
  });

  it("tells the pages that are open what has changed when another one opens", () => {
    const { clock, open, setState } = setUp();
    const { page } = open();
    page.text = "";
    setState('{"ready":true}');
    open();
    clock.advance(1_000);
    assert.match(page.text, /"ready":true/);
  });

  it("says something every five seconds, so that a page notices when the agent is away", () => {
    const { clock, open } = setUp();
    const { page } = open();
    page.text = "";
    for (let second = 0; second < 10; second++) clock.advance(1_000);
    assert.deepEqual(page.messages, ["still", "still"]);
  });

  it("keeps the latest hundred events, and sends no more at once", () => {
    const { updates, open } = setUp();
    updates.onEvents(Array.from({ length: 500 }, (_, id) => `{"id":${id}}`));
    const events = [...open().page.text.matchAll(/"id":(\d+)/g)].map(([, id]) => Number(id));
    assert.deepEqual([events.length, events[0], events.at(-1)], [100, 400, 499]);
  });

  it("cuts off a page that does not read, and does nothing while none is open", () => {
    const { clock, open, setState } = setUp();
    const { page } = open();
    page.writableLength = 2_000_000;
    setState("{}");
    clock.advance(1_000);
    assert.ok(page.isDestroyed);
    assert.equal(clock.nextMs, undefined);
  });

  it("has room for 32 pages", () => {
    const { open, updates } = setUp();
    const pages = Array.from({ length: 32 }, open);
    assert.ok(pages.every(({ hasRoom }) => hasRoom));
    assert.ok(!open().hasRoom);
    pages[0]?.page.destroy();
    assert.equal(updates.pageCount, 31);
    assert.ok(open().hasRoom);
  });
});
