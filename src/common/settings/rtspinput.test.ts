import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type NamedCamera, rtspInput } from "./rtspinput.js";

function read(text: string): readonly NamedCamera[] {
  const reading = rtspInput.read(text);
  assert.ok(reading.t === "value", JSON.stringify(reading));
  return reading.value;
}

function refusals(text: string) {
  const reading = rtspInput.read(text);
  assert.ok(reading.t === "refused", "it was read");
  return reading.messages;
}

function ids(text: string): string[] {
  return read(text).map(({ id }) => id);
}

describe("RTSPINPUT", () => {
  it("names unnamed cameras after their place", () => {
    const list = "rtsp://a/1, door=rtsp://b/2,/dev/video0 ,";
    assert.deepEqual(
      read(list).map(({ id, name, uri }) => ({ id, name, uri })),
      [
        { id: "cam1", name: "cam1", uri: "rtsp://a/1" },
        { id: "door", name: "door", uri: "rtsp://b/2" },
        { id: "cam3", name: "cam3", uri: "/dev/video0" },
      ],
    );
  });

  it("ignores blanks, line breaks and commas too many between cameras", () => {
    const list = " ,, front = rtsp://a/1 ,\n, rtsp://b/2,, back=rtsp://c/3 \n";
    assert.deepEqual(
      read(list).map(({ id, uri }) => `${id} ${uri}`),
      ["front rtsp://a/1", "cam2 rtsp://b/2", "back rtsp://c/3"],
    );
  });

  it("keeps the name as it is written, and makes an id of it", () => {
    const [camera] = read("Entrée Nord (2)=rtsp://u:p@a/1");
    assert.equal(camera?.name, "Entrée Nord (2)");
    assert.equal(camera?.id, "entree-nord-2");
    assert.equal(camera?.uri, "rtsp://a/1");
  });

  it("gives a camera whose name has no letter for an id one after its place", () => {
    const [camera] = read("玄関=rtsp://a/1");
    assert.equal(camera?.id, "cam1");
    assert.equal(camera?.name, "玄関");
  });

  it("avoids an id that a named camera has", () => {
    assert.deepEqual(ids("cam2=rtsp://a/1,rtsp://b/2"), ["cam2", "cam3"]);
  });

  it("makes no id longer than the contract allows", () => {
    assert.equal(ids(`${"x".repeat(64)}=rtsp://a/1`)[0]?.length, 63);
  });

  it("separates at a comma only where a new camera begins", () => {
    const cameras = read("rtsp://u:a,b=c,d@10.0.0.9/x,y,door=rtsp://b/2");
    assert.deepEqual(
      cameras.map(({ uri }) => uri),
      ["rtsp://10.0.0.9/x,y", "rtsp://b/2"],
    );
    assert.deepEqual(cameras[0]?.credentials, { username: "u", password: "a,b=c,d" });
  });

  it("does not mistake the = of an address for a name", () => {
    assert.deepEqual(ids("rtsp://a/live?channel=1"), ["cam1"]);
  });

  it("refuses two cameras of one name", () => {
    const [refusal] = refusals("Door=rtsp://u:secret@a/1,door=rtsp://u:secret@b/2");
    assert.ok(refusal?.startsWith('is "door=rtsp://***@b/2"; '), refusal);
    assert.match(refusal ?? "", /\("Door=rtsp:\/\/\*\*\*@a\/1" has the id door already\)$/);
  });

  it("reports all problems, and shows no password", () => {
    const list = [
      "rstp://u:hunter2@a/1",
      "front=rtsp://u:hun/ter2@cam:99999/",
      "rtsp://admin:12/34@10.0.0.9/live",
      "back=ftp://u:hun ter2@b",
    ];
    assert.deepEqual(
      refusals(list.join(",")).map((message) => /^is "(.*?)";/.exec(message)?.[1]),
      [
        "rstp://***@a/1",
        "front=rtsp://***@cam:99999/",
        "rtsp://***@10.0.0.9/live",
        "back=ftp://***@b",
      ],
    );
  });
});
