/** Logs which settings are accepted and refused. One line per change. */

import { displayProblem } from "../../common/problem.js";
import type { ControlEvent } from "../control/control.js";
import type { Log } from "./log.js";

export class ControlReport {
  readonly #log: Log;

  constructor(log: Log) {
    this.#log = log;
  }

  /** For the control. */
  readonly onEvent = (event: ControlEvent): void => {
    switch (event.t) {
      case "settings refused": {
        const consequence = event.running
          ? "the running pipeline stays as it is"
          : "the remaining settings are used, or the last good ones";
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
      case "postponed": {
        const until = event.untilMs === undefined ? "none" : new Date(event.untilMs);
        this.#log.info("change waits for the maintenance window", { until });
        break;
      }
      case "candidate":
        this.#log.debug("settings changed", { revision: event.candidate.revision });
        break;
      default:
        event satisfies never;
    }
  };
}
