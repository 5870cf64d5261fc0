import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { documentTable } from "./document-table.js";
import { settingsTable } from "./settings-table.js";

describe("settingsTable", () => {
  it("has a line for every setting, with four cells and no empty one", () => {
    const lines = settingsTable().trimEnd().split("\n");
    for (const line of lines) {
      assert.match(line, /^\| .* \|$/);
      const cells = line.slice(2, -2).split(" | ");
      assert.equal(cells.length, 4, line);
      assert.ok(
        cells.every((cell) => cell.trim() !== ""),
        line,
      );
    }
    assert.ok(
      lines.includes(
        "| `RTSPOUTPUTPORTNUM` | `8554` | a whole number from 1 to 65535 | TCP port of the RTSP server. |",
      ),
    );
    assert.match(lines[2] ?? "", /^\| `RTSPINPUT` \| none \|/);
  });
});

describe("documentTable", () => {
  it("has the meaning of every field, and describes hours once", () => {
    const rows = new Map(documentTable().map(([path = "", meaning = ""]) => [path, meaning]));
    assert.deepEqual(
      [...rows].filter(([, meaning]) => meaning === ""),
      [],
    );
    for (const path of [
      "cameras[].credentials.username",
      "rtspServer.users[].password",
      "outputs[].rtsp.path",
      "maintenance.report",
    ]) {
      assert.ok(rows.has(`\`${path}\``), path);
    }
    assert.match(rows.get("`hours`") ?? "", /Fields as in `cameras\[\]\.hours`\.$/);
    assert.ok(!rows.has("`hours.on`"));
  });
});
