/** The MQTT topic of an event. Pure. */

import { type CloudEvent, typeOf } from "../../../common/events/cloud-event.js";

/** TOPIC/NODE, for all topics of a node. */
export function rootOf(topic: string, node: string): string {
  return `${topic}/${segment(node)}`;
}

/** Below the root: cameras/front/zones/door/entered, outputs/rtsp/state, pipeline/state. */
export function topicOf(event: CloudEvent): string {
  const { data, subject } = event;
  const [kind = "", what = ""] = typeOf(event).split(".");
  const camera = "camera" in data && data.camera !== undefined ? ["cameras", data.camera] : [];
  switch (kind) {
    case "zone":
    case "line":
      return [...camera, subject, what].join("/");
    case "object":
      return [...camera, "objects", what].join("/");
    case "camera":
      return [...camera, what].join("/");
    case "output":
      return [subject, ...camera, what].join("/");
    default:
      return `${kind}/${what}`;
  }
}

/** One level of a topic. */
function segment(text: string): string {
  return text.replace(/[+#/\0]/g, "_");
}
