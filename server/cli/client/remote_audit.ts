import * as v from "valibot";
import { auditLineSchema } from "../../../contract/audit/line.ts";
import { auditVerificationSchema } from "../../../contract/audit/verification.ts";
import type { AuditReader } from "../../../engine/control/audit/reader.ts";
import { type ApiClient, read } from "./api_client.ts";

/** The audit log of a server, asked over its HTTP API. */
export function createRemoteAudit({ routes: { audit } }: ApiClient): AuditReader {
  return {
    list: (conditions, { limit, before }) =>
      read(
        v.array(auditLineSchema),
        audit.$get({
          query: { ...conditions, limit, ...(before === undefined ? {} : { cursor: String(before) }) },
        }),
      ),
    async export(conditions, format) {
      const { body } = await audit.export.$get({ query: { ...conditions, format } });
      return body ?? new ReadableStream({ start: (controller) => controller.close() });
    },
    verify: (expect) =>
      read(auditVerificationSchema, audit.verify.$get({ query: expect === undefined ? {} : { expect } })),
  };
}
