/** Tests a camera's address before it is in the settings, and says what to write there. */

import type { ApiCameraTest } from "../common/api/schema.js";
import { post } from "./actions.js";
import { byId, element } from "./dom.js";

export function offerCameraTest(): void {
  const form = byId("camera-test", HTMLFormElement);
  const address = byId("camera-address", HTMLInputElement);
  const result = byId("camera-test-result", HTMLElement);
  const button = byId("camera-test-button", HTMLButtonElement);
  const outcome = byId("camera-test-outcome", HTMLElement);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    result.replaceChildren();
    const body = { address: address.value.trim() };
    void post<ApiCameraTest>("/api/v1/camera-tests", body, button, outcome, "").then((answer) => {
      if (answer !== undefined) result.replaceChildren(...shown(answer));
    });
  });
}

function shown({ address, streams, findings }: ApiCameraTest): HTMLElement[] {
  const lines = findings.map(({ severity, detail, cure }) =>
    element("p", { className: severity === "error" ? "bad" : "warn" }, `${detail}: ${cure}`),
  );
  if (findings.some(({ severity }) => severity === "error")) return lines;
  const offered = streams.map(({ kind, encoding }) => `${kind} ${encoding}`).join(", ");
  const entry = { cameras: [{ id: "NAME", uri: address, credentials: "secret:NAME" }] };
  return [
    element("p", { className: "good" }, `It offers ${offered}.`),
    ...lines,
    element("p", {}, "For the settings document; leave credentials out if it needs no login:"),
    element("pre", { tabIndex: 0 }, JSON.stringify(entry, null, 2)),
  ];
}
