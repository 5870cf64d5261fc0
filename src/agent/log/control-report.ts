/** Tells the operator what becomes of settings: one line a change. */

import { displayProblem } from "../../common/problem.js";
import type { ControlEvent } from "../control/control.js";
import type { Log } from "./log.js";

export class ControlReport {
  readonly #log: Log;

  constructor(log: Log) {
    this.#log = log;
  }

  /** To be given to the control. */
  readonly trace = (event: ControlEvent): void => {
    switch (event.t) {
      case "settings refused": {
        const consequence = event.running
          ? "what runs goes on as it is"
          : "what is left of the settings is used, or the last good ones";
        for (const problem of event.problems) {
          const detail = displayProblem(problem);
          this.#log.error("setting refused", { detail, consequence });
        }
        break;
      }
      case "settings accepted again":
        this.#log.info("settings accepted again");
        break;
      case "settings warning": {
        const { code: reason, path, message: detail } = event.problem;
        this.#log.warn("problem in the settings", { path, reason, detail });
        break;
      }
      case "held": {
        const until = event.untilMs === undefined ? "none" : new Date(event.untilMs);
        this.#log.info("change waits for the window of rebuilds", { until });
        break;
      }
      case "wanted":
        this.#log.debug("settings wanted", { subject: event.candidate.subject });
        break;
      default:
        event satisfies never;
    }
  };
}
