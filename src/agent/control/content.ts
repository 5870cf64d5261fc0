/** What is kept of a candidate, so that it can be made again after a restart. */

import * as z from "zod";

/** The settings documents as they were written. */
export interface Texts {
  readonly file: string | undefined;
  readonly hub: string | undefined;
}

export interface Content {
  readonly texts: Texts;
  /** The bundle's directory. Undefined: as the settings say. */
  readonly model: string | undefined;
}

const schema = z.object({
  file: z.string().nullable(),
  hub: z.string().nullable(),
  model: z.string(),
});

export function contentOf({
  texts: { file, hub },
  model,
}: Content & { model: string }): z.JSONType {
  return { file: file ?? null, hub: hub ?? null, model };
}

/** Undefined: there is none, or it is of another version of the agent that kept it in another way. */
export function readContent(value: z.JSONType | undefined): Content | undefined {
  const { success, data } = schema.safeParse(value);
  if (!success) return undefined;
  return { texts: { file: data.file ?? undefined, hub: data.hub ?? undefined }, model: data.model };
}
