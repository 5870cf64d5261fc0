/** Events on disk: numbered, in order, with how far each sink has come and the state of each camera. */

import { mkdir, readdir, rename } from "node:fs/promises";
import { join } from "node:path";
import { ClassicLevel } from "classic-level";

/** An event as it is sent: CloudEvents 1.0 in JSON. */
export interface Entry {
  readonly sequence: number;
  readonly text: string;
}

/** What is written at once: all of it or nothing, even if the process is killed. */
export interface Changes {
  readonly entries: readonly Entry[];
  /** Undefined removes it. */
  readonly values: ReadonlyMap<string, string | undefined>;
}

const ENTRY = "e";
const VALUE = "v";
const OWNER_ONLY = 0o700;
const HIGHEST_LOG = 1e15;
/** Behind all entries. */
const END = "f";

/** LevelDB: a log that is replayed after a kill, merged into sorted files now and then. One process at a time. */
export class EventStore {
  readonly #db: ClassicLevel;

  private constructor(db: ClassicLevel) {
    this.#db = db;
  }

  /** Throws if the directory cannot be used. */
  static async open(directory: string): Promise<EventStore> {
    await mkdir(directory, { recursive: true, mode: OWNER_ONLY });
    await moveForeignLogs(directory);
    const db = new ClassicLevel(directory, { maxFileSize: 2 * 1024 * 1024 });
    try {
      await db.open();
    } catch (reason) {
      // What LevelDB says is the cause of what abstract-level says.
      throw reason instanceof Error && reason.cause instanceof Error ? reason.cause : reason;
    }
    return new EventStore(db);
  }

  /** `durable`: waits until a power failure cannot lose it. A kill never does. Throws if nothing can be written. */
  async write({ entries, values }: Changes, durable: boolean): Promise<void> {
    const puts = entries.map(({ sequence, text }) => put(keyOf(sequence), text));
    const others = [...values].map(([name, value]) =>
      value === undefined
        ? ({ type: "del", key: VALUE + name } as const)
        : put(VALUE + name, value),
    );
    await this.#db.batch([...puts, ...others], { sync: durable });
  }

  /** The entries behind a number, in order. */
  async read(after: number, limit: number): Promise<Entry[]> {
    const found = await this.#db.iterator({ gt: keyOf(after), lt: END, limit }).all();
    return found.map(([key, text]) => ({ sequence: Number(key.slice(ENTRY.length)), text }));
  }

  /** Removes all entries up to a number. */
  async remove(upTo: number): Promise<void> {
    await this.#db.clear({ gte: ENTRY, lte: keyOf(upTo) });
  }

  /** All values by their names. */
  async values(): Promise<Map<string, string>> {
    const found = await this.#db.iterator({ gte: VALUE, lt: `${VALUE}\uffff` }).all();
    return new Map(found.map(([key, value]) => [key.slice(VALUE.length), value]));
  }

  async close(): Promise<void> {
    await this.#db.close();
  }
}

/** LevelDB aborts the process over a log whose number it never gives: 0, or one near 2^64. It ignores other endings. */
async function moveForeignLogs(directory: string): Promise<void> {
  for (const name of await readdir(directory)) {
    const number = Number(/^(\d+)\.log$/.exec(name)?.[1] ?? 1);
    if (number > 0 && number < HIGHEST_LOG) continue;
    await rename(join(directory, name), join(directory, `${name}.foreign`));
  }
}

function put(key: string, value: string) {
  return { type: "put", key, value } as const;
}

/** Sorts as the numbers do. */
function keyOf(sequence: number): string {
  return ENTRY + String(sequence).padStart(16, "0");
}
