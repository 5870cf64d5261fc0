/**
 * The minimal schema of DeepStream's nvmsgconv (PAYLOAD_DEEPSTREAM_MINIMAL), for consumers that read it. Its fields, their
 * order and the separators are those of generate_event_message_minimal() in src/utils/nvmsgconv/deepstream_schema/
 * eventmsg_payload.cpp of NVIDIA's DeepStream 9.1.
 */

import type { CloudEvent } from "./cloud-event.js";

const VERSION = "4.0";
/** Between the object's class and its confidence, where there are no attributes. */
const NO_ATTRIBUTES = "||||||";

/** Undefined: the event is not one of an object. */
export function minimalText({ id, time, data }: CloudEvent): string | undefined {
  if (!("object" in data)) return undefined;
  const { track, class: name, confidence, box, frame, attributes } = data.object;
  const edges = [
    box.left * frame.width,
    box.top * frame.height,
    (box.left + box.width) * frame.width,
    (box.top + box.height) * frame.height,
  ].map((edge) => Math.round(edge * 100) / 100);
  const values = Object.values(attributes);
  const described = values.length === 0 ? NO_ATTRIBUTES : `|${values.map(plain).join("|")}`;
  const object = [track, ...edges, plain(name), `#${described}`, confidence].join("|");
  return JSON.stringify({
    version: VERSION,
    id,
    "@timestamp": time,
    sensorId: data.camera,
    objects: [object],
  });
}

/** A field may not hold what ends it. */
function plain(text: string): string {
  return text.replaceAll("|", " ");
}
