import * as v from "valibot";
import { AUDIT_OUTCOMES } from "../../contract/audit/entry.ts";
import { auditLineSchema } from "../../contract/audit/line.ts";
import { auditVerificationSchema } from "../../contract/audit/verification.ts";
import { EXPORT_FORMATS } from "../../engine/control/audit/export_lines.ts";
import { route } from "../http/route.ts";
import { numberOf, pageOf, pageQuery } from "./paging.ts";
import { moment } from "./request_parts.ts";

const LINES_PER_PAGE = 100;
const MOST_TEXT = 200;

const text = (description: string) =>
  v.exactOptional(v.pipe(v.string(), v.maxLength(MOST_TEXT), v.description(description)));

/** Which lines are wanted. */
const conditions = {
  action: text("Only this action, as run.start; with * at its end all that begin so, as run.*."),
  actor: text("Only what this user did, by name or id."),
  target: text("Only what was done to this: its name, or its kind and name, as user:ann."),
  pipeline: text("Only what belongs to this pipeline."),
  outcome: v.exactOptional(v.pipe(v.picklist(AUDIT_OUTCOMES), v.description("Only what ended so."))),
  since: moment("Only lines from then on"),
  until: moment("Only lines from before then"),
  text: text("Only lines that have this text anywhere, in upper or lower case."),
} as const;

const MEDIA_TYPES = { ndjson: "application/x-ndjson", csv: "text/csv; charset=utf-8" } as const;

/** `/api/audit`. */
export function auditRoutes() {
  return [
    route({
      method: "get",
      path: "/api/audit",
      operation: "listAuditLines",
      summary: "Who did what, the newest first",
      permission: "audit:read",
      request: v.object({ query: v.strictObject({ ...conditions, ...pageQuery("100") }) }),
      response: { status: 200, description: "The newest first.", schema: v.array(auditLineSchema) },
      handle: async ({ query: { limit = LINES_PER_PAGE, cursor, ...wanted } }, { audit }) =>
        pageOf(
          await audit.list(wanted, {
            limit: limit + 1,
            ...(cursor === undefined ? {} : { before: numberOf("audit log", cursor) }),
          }),
          limit,
          ({ seq }) => String(seq),
        ),
    }),
    route({
      method: "get",
      path: "/api/audit/export",
      operation: "exportAuditLines",
      summary: "All lines that fit, the oldest first, as text: one JSON object a line, or CSV",
      permission: "audit:read",
      request: v.object({
        query: v.strictObject({
          ...conditions,
          format: v.exactOptional(
            v.pipe(v.picklist(EXPORT_FORMATS), v.description("ndjson by default.")),
          ),
        }),
      }),
      response: {
        status: 200,
        description: "The lines; with format=csv one row each, under a row of names.",
        mediaType: "application/x-ndjson",
        otherMediaTypes: ["text/csv"],
      },
      handle: async ({ query: { format = "ndjson", ...wanted } }, { audit }) =>
        new Response(await audit.export(wanted, format), {
          headers: {
            "content-type": MEDIA_TYPES[format],
            "content-disposition": `attachment; filename="audit.${format}"`,
          },
        }),
    }),
    route({
      method: "get",
      path: "/api/audit/verify",
      operation: "verifyAuditLog",
      summary: "Whether the audit log is as it was written: each line has its hash, and none is missing",
      permission: "audit:read",
      request: v.object({
        query: v.strictObject({
          expect: v.exactOptional(
            v.pipe(
              v.string(),
              v.regex(/^[0-9a-f]{64}$/, "expected the hash of a line: 64 hex digits"),
              v.description("The hash of a line that was kept elsewhere: the log must still have it."),
            ),
          ),
        }),
      }),
      response: { status: 200, description: "What was found.", schema: auditVerificationSchema },
      handle: async ({ query: { expect } }, { audit, signal }) => ({
        body: await audit.verify(expect, signal),
      }),
    }),
  ];
}
