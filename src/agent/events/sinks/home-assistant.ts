/** What Home Assistant is told about a node (MQTT discovery): a sensor for each zone, line and camera. Pure. */

export interface Inventory {
  readonly cameras: readonly {
    readonly id: string;
    readonly zones: readonly string[];
    readonly lines: readonly string[];
  }[];
}

export interface Announcement {
  readonly topic: string;
  readonly text: string;
}

const PREFIX = "homeassistant";

export function announcements(
  root: string,
  { node, inventory }: { readonly node: string; readonly inventory: Inventory },
): Announcement[] {
  const device = { identifiers: [`slipstream_${idOf(node)}`], name: node, model: "Slipstream" };
  const entity = (kind: "sensor" | "binary_sensor", names: readonly string[], fields: object) => {
    const id = ["slipstream", node, ...names].map(idOf).join("_");
    const text = JSON.stringify({
      name: names.join(" "),
      unique_id: id,
      availability_topic: `${root}/status`,
      device,
      ...fields,
    });
    return { topic: `${PREFIX}/${kind}/${id}/config`, text };
  };
  return inventory.cameras.flatMap(({ id, zones, lines }) => [
    entity("binary_sensor", [id], {
      device_class: "connectivity",
      state_topic: `${root}/cameras/${id}/state`,
      value_template: "{{ 'ON' if value_json.data.state == 'live' else 'OFF' }}",
    }),
    ...zones.map((zone) =>
      entity("sensor", [id, zone], {
        state_topic: `${root}/cameras/${id}/zones/${zone}/occupancy`,
        value_template: "{{ value_json.data.count }}",
        state_class: "measurement",
      }),
    ),
    ...lines.flatMap((line) =>
      (["in", "out"] as const).map((direction) =>
        entity("sensor", [id, line, direction], {
          state_topic: `${root}/cameras/${id}/counts`,
          value_template: `{{ value_json.data.lines['${line}'].${direction}.day }}`,
          state_class: "measurement",
        }),
      ),
    ),
  ]);
}

function idOf(name: string): string {
  return name.replace(/[^A-Za-z0-9_-]/g, "_");
}
