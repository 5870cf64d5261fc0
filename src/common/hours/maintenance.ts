/** The settings of work by schedule: the window for rebuilds, and the jobs of the agent. */

import { z } from "zod";
import { cronSchema, hoursSchema, timeZoneSchema } from "./hours.js";

export const maintenanceSchema = z
  .strictObject({
    timeZone: timeZoneSchema.optional(),
    rebuilds: hoursSchema
      .meta({
        description:
          "When changes may be applied that interrupt a stream; at other times they wait. Changes that apply live never " +
          "wait. Default: at any time.",
        examples: [{ on: "0 2 * * *", off: "0 4 * * *" }],
      })
      .optional(),
    modelCheck: cronSchema
      .meta({
        description: "When the hub is asked for models and settings, in addition to polling.",
      })
      .optional(),
    report: cronSchema.meta({ description: "When the state is written to the log." }).optional(),
  })
  .meta({
    description:
      "Work by schedule. Missed runs are caught up once. Nothing runs until the clock is set.",
  });

export type MaintenanceSettings = z.infer<typeof maintenanceSchema>;
