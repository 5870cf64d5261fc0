/** The node's own settings document. access.ts names this route too. */

import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { doneSchema, errorSchema, settingsRefusalSchema } from "../../common/api/schema.js";
import type { NodeSettings } from "../control/node-settings.js";
import { described, fail, json, schemaOf } from "./describe.js";

const PATH = "/api/v1/settings";
const DOCUMENT = z
  .looseObject({})
  .describe(
    "A settings document, as in docs/settings.schema.json. Empty: nothing was applied here.",
  );
const TAG = /^"([0-9a-f]{32})"$/;

export async function addSettings(app: FastifyInstance, settings: NodeSettings): Promise<void> {
  app.get(
    PATH,
    described(
      "nodeSettings",
      "The settings document that was applied on this node, with its ETag.",
      {
        200: json(DOCUMENT),
      },
    ),
    (_, reply) => {
      reply.header("ETag", `"${settings.tag}"`).type("application/json; charset=utf-8");
      return reply.send(settings.text);
    },
  );
  app.get(
    `${PATH}/cameras`,
    described("settingsCameras", "The list of cameras as this node's document may take it over.", {
      200: json(z.array(z.looseObject({})).describe("Cameras as in a settings document.")),
      409: json(errorSchema),
    }),
    (_, reply) => {
      const { cameras } = settings;
      if (cameras.t === "fixed") return fail(reply, 409, cameras.why);
      reply.type("application/json; charset=utf-8");
      return reply.send(JSON.stringify(cameras.cameras));
    },
  );
  await app.register((scope, _options, registered) => {
    // As it is: only the text tells of keys that are given twice, and of lines.
    scope.removeContentTypeParser("application/json");
    scope.addContentTypeParser("application/json", { parseAs: "string" }, (_, body, done) =>
      done(null, body),
    );
    scope.setValidatorCompiler(() => () => true);
    scope.put<{ Body: string }>(
      PATH,
      described(
        "applySettings",
        "Replaces the settings document of this node, if If-Match names the current one. The result runs on trial.",
        {
          200: json(doneSchema),
          412: json(errorSchema),
          413: json(errorSchema),
          415: json(errorSchema),
          422: json(settingsRefusalSchema),
          428: json(errorSchema),
          503: json(errorSchema),
        },
        {
          body: schemaOf(DOCUMENT),
          headers: { type: "object", properties: { "If-Match": { type: "string" } } },
        },
      ),
      async (request, reply) => {
        const match = request.headers["if-match"];
        if (match === undefined) {
          return fail(
            reply,
            428,
            `send the ETag of ${PATH} as If-Match, so that no change is lost`,
          );
        }
        const result = await settings.replace(request.body ?? "", TAG.exec(match)?.[1] ?? "");
        switch (result.t) {
          case "replaced":
            return reply.header("ETag", `"${result.tag}"`).send({ done: true });
          case "outdated":
            return fail(reply, 412, "the settings have changed meanwhile: read them again");
          case "refused": {
            const error = "the settings are refused: see problems";
            return reply.code(422).send({ error, problems: result.problems });
          }
          case "not written":
            return fail(reply, 503, `the settings cannot be stored: ${result.why}`);
          default:
            return result satisfies never;
        }
      },
    );
    registered();
  });
}
