import type { FailedRows } from "../../../contract/checks/failed_rows.ts";
import type { FollowedReport } from "../../../contract/connector/followed.ts";
import { toAppError } from "../../../contract/errors.ts";
import type { Report } from "../../../contract/jobs/reports.ts";
import type { Log } from "../../../contract/log.ts";
import type { StreamRejects } from "../../../contract/rejects.ts";
import type { StreamSchema } from "../../../contract/stream_schema.ts";
import type { CommittedStream } from "../../../contract/streams/stream_view.ts";
import { failedRowsName } from "../checks/failed_rows_folder.ts";
import type { PreviewFolder } from "../previews.ts";
import type { PublishedFolder } from "../streams/published.ts";
import type { RowCover } from "../streams/row_cover.ts";
import {
  redactFailedRows,
  redactFollowed,
  redactPreview,
  redactRejects,
  redactStream,
} from "./redact_reports.ts";

/** What a run reports for whoever wants to look at it later: it goes into files beside the warehouses. */
export type PublishedReport = Extract<
  Report,
  { type: "table" | "stream" | "rejects" | "failed_rows" | "schema" | "followed" }
>;

export interface ReportFolders {
  readonly rowCover: RowCover;
  readonly previews: PreviewFolder;
  readonly rejects: PublishedFolder<StreamRejects>;
  readonly failedRows: PublishedFolder<FailedRows>;
  readonly schemas: PublishedFolder<StreamSchema>;
  readonly followed: PublishedFolder<FollowedReport>;
  readonly streams: PublishedFolder<CommittedStream>;
}

export interface PublishContext {
  readonly pipeline: string;
  /** Removes secrets from a text. */
  readonly redact: (text: string) => string;
  readonly log: Log;
}

/**
 * Keeps the reports of one run, whose warehouse is looked at once to see whether it is encrypted. What cannot be kept is
 * worth no second try, and nobody's failure: it is logged.
 */
export async function publishReports(
  folders: ReportFolders,
  context: PublishContext,
  reports: readonly PublishedReport[],
): Promise<void> {
  const cover = await folders.rowCover.hold(context.pipeline);
  for (const report of reports) {
    try {
      await publish(folders, context, report, cover);
    } catch (error) {
      const failure = { error: toAppError(error).message };
      if (report.type === "table") {
        context.log("debug", "a preview was not kept", { table: report.table.name, ...failure });
      } else {
        const subject = subjectOf(report);
        context.log("warn", "what a run reported of a stream was not kept", { subject, ...failure });
      }
    }
  }
}

async function publish(
  { previews, rejects, failedRows, schemas, followed, streams }: ReportFolders,
  { pipeline, redact }: PublishContext,
  report: PublishedReport,
  cover: RowCover,
): Promise<void> {
  switch (report.type) {
    case "table":
      return await previews.put(pipeline, redactPreview(redact, report.table), cover);
    case "stream":
      return await streams.put(pipeline, report.stream.stream, redactStream(redact, report.stream), cover);
    case "rejects": {
      const found = report.rejects.count === 0 ? undefined : redactRejects(redact, report.rejects);
      return await rejects.put(pipeline, report.rejects.stream, found, cover);
    }
    case "failed_rows": {
      const { run, check } = report.rows;
      const name = failedRowsName(run, check);
      return await failedRows.put(pipeline, name, redactFailedRows(redact, report.rows), cover);
    }
    case "schema":
      return await schemas.put(pipeline, report.schema.stream, report.schema, cover);
    case "followed": {
      const { connector } = report.followed;
      return await followed.put(pipeline, connector, redactFollowed(redact, report.followed), cover);
    }
  }
}

function subjectOf(report: Exclude<PublishedReport, { type: "table" }>): string {
  switch (report.type) {
    case "stream":
      return report.stream.stream;
    case "rejects":
      return report.rejects.stream;
    case "failed_rows":
      return report.rows.check;
    case "schema":
      return report.schema.stream;
    case "followed":
      return report.followed.connector;
  }
}
