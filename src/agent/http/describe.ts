/** Describes routes by the schemas of what they take and answer, for Fastify and for OpenAPI. */

import type { FastifyReply, RouteShorthandOptions } from "fastify";
import { toJSONSchema, z } from "zod";
import { errorSchema } from "../../common/api/schema.js";

/** Of a camera, an output or a picture, in a request. */
export const idSchema = z.string().min(1).max(63);

/** Answers with an error of the API. */
export function fail(reply: FastifyReply, status: number, error: string): FastifyReply {
  return reply.code(status).send({ error });
}

type Responses = Readonly<Record<number, object>>;

/** A route with its description. Every request may be refused before it is routed. */
export function described(
  operationId: string,
  summary: string,
  response: Responses,
  input: object = {},
): RouteShorthandOptions {
  const refusals = Object.fromEntries(
    [400, 401, 403, 429].map((status) => [status, json(errorSchema)]),
  );
  return { schema: { operationId, summary, ...input, response: { ...refusals, ...response } } };
}

/** An answer in JSON. */
export function json(schema: z.ZodType): object {
  return {
    description: schema.description ?? "",
    content: { "application/json": { schema: schemaOf(schema) } },
  };
}

export function schemaOf(schema: z.ZodType): object {
  const { $schema: _, ...rest } = toJSONSchema(schema);
  return rest;
}
