import * as v from "valibot";
import { described } from "../described.ts";

export const auditVerificationSchema = v.object({
  ok: described(v.boolean(), "Whether no line was changed, is missing or was put in."),
  lines: described(v.number(), "How many lines were looked at and are right."),
  first_seq: described(v.nullable(v.number()), "The first line that is kept; null where there is none."),
  first_at: described(v.nullable(v.string()), "When it was written."),
  last_seq: described(v.number(), "The last line that is right."),
  last_hash: described(
    v.string(),
    "Its hash: kept elsewhere, it shows later whether the log's end was cut off.",
  ),
  fault: described(
    v.nullable(v.object({
      seq: described(v.number(), "The first line that is wrong or missing."),
      message: described(v.string(), "What is wrong with it."),
    })),
    "null where all is right.",
  ),
});
export type AuditVerification = v.InferOutput<typeof auditVerificationSchema>;
