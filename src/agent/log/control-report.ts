/** Tells the operator what becomes of settings: one line a change. */

import { describeDocumentFault } from "../../common/settings/document-fault.js";
import type { ControlHappening } from "../control/control.js";
import type { Log } from "./log.js";

export class ControlReport {
  readonly #log: Log;

  constructor(log: Log) {
    this.#log = log;
  }

  /** To be given to the control. */
  readonly trace = (happening: ControlHappening): void => {
    switch (happening.t) {
      case "settings refused": {
        const consequence = happening.running
          ? "what runs goes on as it is"
          : "what is left of the settings is used, or the last good ones";
        for (const fault of happening.faults) {
          const detail = describeDocumentFault(fault);
          this.#log.error("setting refused", { detail, consequence });
        }
        break;
      }
      case "settings accepted again":
        this.#log.info("settings accepted again");
        break;
      case "note": {
        const { t: reason, path, message: detail } = happening.note;
        this.#log.warn("problem in the settings", { path, reason, detail });
        break;
      }
      case "held": {
        const until = happening.untilMs === undefined ? "none" : new Date(happening.untilMs);
        this.#log.info("change waits for the window of rebuilds", { until });
        break;
      }
      case "wanted":
        this.#log.debug("settings wanted", { subject: happening.candidate.subject });
        break;
      default:
        happening satisfies never;
    }
  };
}
