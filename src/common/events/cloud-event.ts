/** Events as CloudEvents 1.0 in JSON. */

import { randomUUID } from "node:crypto";
import type { EventType, SlipstreamEvent } from "./types.js";

export interface CloudEvent {
  readonly specversion: "1.0";
  /** Unique: an event that arrives twice has the same one. */
  readonly id: string;
  /** /slipstream/NODE, and for events of a camera /cameras/CAMERA. */
  readonly source: string;
  /** slipstream. and the type of the table. */
  readonly type: `slipstream.${EventType}`;
  /** What of the source it is about, such as zones/door. */
  readonly subject?: string;
  readonly time: string;
  readonly datacontenttype: "application/json";
  /** The camera: events of one partition keep their order. */
  readonly partitionkey?: string;
  readonly data: SlipstreamEvent["data"];
}

const PREFIX = "slipstream.";

/** `node`: the node's name in the Exchange. */
export function cloudEvent({ type, timeMs, data }: SlipstreamEvent, node: string): CloudEvent {
  const camera = "camera" in data ? data.camera : undefined;
  const subject = subjectOf(data);
  const root = `/slipstream/${encodeURIComponent(node)}`;
  return {
    specversion: "1.0",
    id: randomUUID(),
    source: camera === undefined ? root : `${root}/cameras/${camera}`,
    type: `${PREFIX}${type}`,
    ...(subject === undefined ? {} : { subject }),
    time: new Date(timeMs).toISOString(),
    datacontenttype: "application/json",
    ...(camera === undefined ? {} : { partitionkey: camera }),
    data,
  };
}

/** The type in the table. */
export function typeOf({ type }: Pick<CloudEvent, "type">): EventType {
  return type.slice(PREFIX.length) as EventType; // the only types that cloudEvent() makes
}

function subjectOf(data: SlipstreamEvent["data"]): string | undefined {
  if ("zone" in data) return `zones/${data.zone}`;
  if ("line" in data) return `lines/${data.line}`;
  if ("output" in data) return `outputs/${data.output}`;
  return "object" in data ? `objects/${data.object.track}` : undefined;
}
