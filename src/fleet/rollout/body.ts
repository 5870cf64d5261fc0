/** A deployment policy's file as what `hzn exchange deployment addpolicy` makes of it. */

import { isObject, type JsonObject } from "../../common/json/document.js";

/** What is left out where `hzn` says "none", the Exchange fills with defaults of its own. */
export function asSent(policy: JsonObject): JsonObject {
  const { service, properties, secretBinding, ...rest } = policy;
  const own = isObject(service) ? service : {};
  return {
    ...rest,
    ...(objects(properties).length === 0 ? {} : { properties }),
    service: {
      nodeHealth: {},
      ...own,
      serviceVersions: objects(own["serviceVersions"]).map((version) => ({
        priority: {},
        upgradePolicy: {},
        ...version,
      })),
    },
    ...(objects(secretBinding).length === 0
      ? {}
      : {
          secretBinding: objects(secretBinding).map((binding) => ({
            enableNodeLevelSecrets: false,
            ...binding,
          })),
        }),
  };
}

function objects(value: unknown): JsonObject[] {
  return (Array.isArray(value) ? value : []).filter(isObject);
}
