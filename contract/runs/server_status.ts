import * as v from "valibot";
import { described } from "../described.ts";

/** What can keep a server from starting runs: somebody who asked for it, its end, or a disk that is nearly full. */
export const HELD_BY = ["drain", "stop", "disk"] as const;
export type HeldBy = (typeof HELD_BY)[number];

const bytes = v.pipe(v.number(), v.minValue(0));
const count = v.pipe(v.number(), v.integer(), v.minValue(0));

/** How a server is, as the API, the command line and the pages show it. */
export const serverStatusSchema = v.object({
  starts_runs: described(v.boolean(), "Whether queued runs begin."),
  held_by: described(v.nullable(v.picklist(HELD_BY)), "What keeps them from it; null where nothing does."),
  message: described(v.nullable(v.string()), "The same for a person."),
  running: described(count, "How many runs are under way on this server."),
  drained_by: described(v.nullable(v.string()), "Who asked that no more runs begin."),
  drained_at: described(v.nullable(v.pipe(v.string(), v.isoTimestamp())), "Since when."),
  disk: described(
    v.nullable(v.object({
      free_bytes: described(bytes, "Free on the disk of the data folder."),
      total_bytes: described(bytes, "Its size."),
      reserve_bytes: described(bytes, "No run begins where less is free; 0 where this is turned off."),
    })),
    "The disk of the data folder; null where the system does not say.",
  ),
});
export type ServerStatus = v.InferOutput<typeof serverStatusSchema>;
