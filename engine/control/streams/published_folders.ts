import { join } from "node:path";
import { failedRowsSchema } from "../../../contract/checks/failed_rows.ts";
import { followedReportSchema } from "../../../contract/connector/followed.ts";
import { verificationSchema } from "../../../contract/loads/verification.ts";
import { streamRejectsSchema } from "../../../contract/rejects.ts";
import { streamSchemaSchema } from "../../../contract/stream_schema.ts";
import { committedStreamSchema } from "../../../contract/streams/stream_view.ts";
import { FAILED_ROWS } from "../../runs/checks/failed_rows_folder.ts";
import { PreviewFolder } from "../../runs/previews.ts";
import { PublishedFolder } from "../../runs/streams/published.ts";
import type { RowCover } from "../../runs/streams/row_cover.ts";

/** What runs have reported of their pipelines for others to read, beside the warehouses and covered as they are. */
export function createPublishedFolders(dataDir: string, cover: RowCover) {
  const under = (name: string) => join(dataDir, name);
  return {
    rowCover: cover,
    previews: new PreviewFolder(dataDir, cover),
    rejects: new PublishedFolder(under("rejects"), streamRejectsSchema, cover),
    failedRows: new PublishedFolder(under(FAILED_ROWS), failedRowsSchema, cover),
    schemas: new PublishedFolder(under("schemas"), streamSchemaSchema, cover),
    followed: new PublishedFolder(under("followed"), followedReportSchema, cover),
    streams: new PublishedFolder(under("streams"), committedStreamSchema, cover),
    verifications: new PublishedFolder(under("verifications"), verificationSchema, cover),
  };
}
