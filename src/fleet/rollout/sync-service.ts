/** The hub's Cloud Sync Service, as far as a rollout reads it: what the nodes report, and models and settings that are out. */

import { type NodeReport, readReport, STATUS_TYPE } from "../../common/hub/node-report.js";
import { isObject, type JsonObject } from "../../common/json/document.js";
import { Connection, ExchangeError, type HubOptions } from "./connection.js";
import { type Rings, ringsOf } from "./rings.js";

/** A model or a settings document that is published. */
export interface PublishedObject {
  readonly type: string;
  readonly id: string;
  /** The hub's time of publication. */
  readonly instance: string;
  /** Of its data, in hexadecimal; undefined: whoever published it did not say. */
  readonly sha256: string | undefined;
  /** Undefined: it was not published by rings. */
  readonly rings: Rings | undefined;
}

export class SyncService {
  readonly #connection: Connection;
  readonly #org: string;

  constructor(options: HubOptions) {
    this.#org = options.org;
    this.#connection = new Connection("the Cloud Sync Service", "api/v1/", options);
  }

  close(): void {
    this.#connection.close();
  }

  /** By the name of the node. */
  async reports(): Promise<ReadonlyMap<string, NodeReport>> {
    const found = await this.#list(`/${STATUS_TYPE}?received=true`);
    return new Map(
      found.flatMap(({ originID, description, deleted }) => {
        const report = readReport(String(description));
        return report === undefined || deleted === true ? [] : [[String(originID), report]];
      }),
    );
  }

  async objects(type: string): Promise<PublishedObject[]> {
    const found = await this.#list(`?filters=true&objectType=${encodeURIComponent(type)}`);
    return found.flatMap(({ objectID, instanceID, description, destinationPolicy, deleted }) => {
      if (deleted === true) return [];
      const { constraints } = isObject(destinationPolicy) ? destinationPolicy : {};
      const texts = Array.isArray(constraints) ? constraints.map(String) : [];
      return [
        {
          ...{ type, id: String(objectID), instance: String(instanceID) },
          sha256: /sha256:([0-9a-f]{64})/.exec(String(description))?.[1],
          rings: ringsOf(texts),
        },
      ];
    });
  }

  async #list(path: string): Promise<JsonObject[]> {
    const body = await this.#connection.get(`objects/${encodeURIComponent(this.#org)}${path}`);
    if (body === undefined || body === null) return [];
    if (Array.isArray(body)) return body.filter(isObject);
    throw new ExchangeError("the Cloud Sync Service answers with no list", 200);
  }
}
