import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { parse } from "yaml";
import { NO_TRIAL, type Trial } from "../trial/trial.js";
import { metricFamilies, metricsText } from "./metrics.js";
import { camera, facts, output, state } from "./testing/facts.js";

/** From the repository's root, which is where tests run. */
const DASHBOARD = "docs/monitoring/grafana-dashboard.json";
const ALERTS = "docs/monitoring/prometheus-alerts.yml";
const PAGE = "docs/monitoring.md";

const OWN = { memoryBytes: 50_000_000, cpuSeconds: 1.5 };
/** Only the revision of the candidate is read. */
const PASSED = {
  ...NO_TRIAL,
  t: "passed",
  candidate: { revision: "settings 0a1b, model ssd@1.0.0, service 1.2.3" },
} as unknown as Trial;
const families = metricFamilies(facts({ trial: PASSED }), OWN);

/** Names of the time series, as an expression uses them. */
const SERIES = new Set(
  families.flatMap(({ name, type }) =>
    type === "histogram" ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
  ),
);

describe("metrics", () => {
  it("follow Prometheus' conventions for names", () => {
    for (const { name, type, help } of families) {
      assert.match(name, /^slipstream_[a-z]+(?:_[a-z]+)*$/);
      assert.equal(name.endsWith("_total"), type === "counter", name);
      assert.doesNotMatch(name, /milli|micro|percent|_ms$|_kb$/, `${name} has no base unit`);
      assert.ok(help.length > 10, name);
    }
    assert.equal(new Set(families.map(({ name }) => name)).size, families.length);
  });

  it("give each time series of a metric labels of its own", () => {
    for (const { name, samples } of families) {
      const keys = samples.map(({ labels, suffix }) => JSON.stringify([suffix, labels]));
      assert.equal(new Set(keys).size, keys.length, name);
    }
  });

  it("are text that Prometheus reads, whatever a camera says", async () => {
    const lost = {
      t: "lost",
      reason: "timeout",
      detail: 'a"\\\n',
      nextAttempt: undefined,
    } as const;
    const cameras = [camera('od"d\\\n', lost)];
    const text = await metricsText(metricFamilies(facts({ state: state({ cameras }) }), OWN));
    const sample = /^[a-z_]+(?:\{(?:[a-z_]+="(?:[^"\\\n]|\\["\\n])*",?)*\})? -?[\d.e+-]+$/;
    for (const line of text.split("\n")) {
      if (line !== "" && !line.startsWith("#")) assert.match(line, sample);
    }
  });

  it("count in each bucket the frames of all smaller ones", async () => {
    const lines = (await metricsText(families)).split("\n");
    assert.deepEqual(
      lines.filter((line) => line.startsWith("slipstream_camera_latency_seconds")),
      [
        'slipstream_camera_latency_seconds_bucket{camera="front",stage="detect",le="0.1"} 7',
        'slipstream_camera_latency_seconds_bucket{camera="front",stage="detect",le="0.5"} 9',
        'slipstream_camera_latency_seconds_bucket{camera="front",stage="detect",le="+Inf"} 10',
        'slipstream_camera_latency_seconds_sum{camera="front",stage="detect"} 2.5',
        'slipstream_camera_latency_seconds_count{camera="front",stage="detect"} 10',
      ],
    );
  });

  it("tell losses by reason, reconnections, and the states as one of all", async () => {
    const counts = {
      connections: 2,
      cameras: new Map([
        ["front", { state: "live", wasLive: true, reconnections: 3, losses: { timeout: 4 } }],
      ] as const),
    };
    const text = await metricsText(metricFamilies(facts({ counts, trial: PASSED }), OWN));
    for (const line of [
      'slipstream_camera_losses_total{camera="front",reason="timeout"} 4',
      'slipstream_camera_reconnections_total{camera="front"} 3',
      "slipstream_sidecar_connections_total 2",
      'slipstream_camera_state{camera="front",state="live"} 1',
      'slipstream_camera_state{camera="front",state="lost"} 0',
      'slipstream_output_frames_dropped_total{output="rtsp",camera="",reason="busy"} 1',
      'slipstream_process_cpu_seconds_total{process="worker"} 4',
      'slipstream_process_cpu_seconds_total{process="agent"} 1.5',
      'slipstream_revision_info{role="active",settings="0a1b",model="ssd@1.0.0"} 1',
      'slipstream_trial_state{state="passed"} 1',
    ]) {
      assert.ok(text.split("\n").includes(line), line);
    }
  });

  it("say what is not there by its absence, not by a zero", async () => {
    const outputs = [{ ...output("file"), encodingLatency: undefined }];
    const without = facts({ state: state({ cameras: [], outputs, processes: [] }) });
    const text = await metricsText(metricFamilies(without, OWN));
    assert.doesNotMatch(text, /^slipstream_(?:camera|output_latency|pipeline_loading)\S* /m);
    assert.match(text, /^slipstream_output_viewers/m);
  });
});

describe("what is made for Prometheus", () => {
  const dashboard = JSON.parse(readFileSync(DASHBOARD, "utf8")) as {
    panels: { title: string; targets?: { expr: string }[] }[];
  };
  const alerts = parse(readFileSync(ALERTS, "utf8")) as {
    groups: { rules: { alert: string; expr: string; annotations: Record<string, string> }[] }[];
  };
  const rules = alerts.groups.flatMap((group) => group.rules);
  const expressions = [
    ...dashboard.panels.flatMap(({ title, targets = [] }) =>
      targets.map(({ expr }) => [`panel ${title}`, expr] as const),
    ),
    ...rules.map(({ alert, expr }) => [`alert ${alert}`, expr] as const),
  ];

  for (const [what, expr] of expressions) {
    it(`uses metrics, labels and states that exist: ${what}`, () => {
      const used = expr.match(/\bslipstream_\w+/g) ?? [];
      for (const name of used) assert.ok(SERIES.has(name), `${name} in ${expr}`);
      for (const [, name = "", selector = ""] of expr.matchAll(/(slipstream_\w+)\{([^}]*)\}/g)) {
        const base = name.replace(/_(?:bucket|sum|count)$/, "");
        const samples = families.find((family) => family.name === base)?.samples ?? [];
        for (const [, label = "", value = ""] of selector.matchAll(/(\w+)(?:=~?|!=)"([^"]*)"/g)) {
          if (label === "instance" || label === "job" || value.startsWith("$")) continue;
          const known = samples.map(({ labels }) => labels[label]);
          assert.ok(known.includes(value), `${label}="${value}" of ${name}`);
        }
      }
      assert.ok(used.length > 0 || expr.startsWith("up{"), expr);
    });
  }

  it("uses rate() for counters and for nothing else", () => {
    for (const [what, expr] of expressions) {
      for (const [, name = ""] of expr.matchAll(/(?:rate|increase)\((slipstream_\w+)/g)) {
        assert.match(name, /_(?:total|bucket|sum|count)$/, what);
      }
    }
  });

  it("says in each alert what is wrong and what to do", () => {
    assert.ok(rules.length >= 8);
    for (const { alert, annotations } of rules) {
      assert.ok((annotations["summary"] ?? "").length > 10, alert);
      assert.ok((annotations["description"] ?? "").length > 20, alert);
    }
  });

  it("is explained on one page, metric by metric", () => {
    const page = readFileSync(PAGE, "utf8");
    for (const { name } of families) assert.ok(page.includes(`\`${name}\``), name);
  });
});
