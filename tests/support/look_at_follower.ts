import { ok } from "node:assert/strict";
import { join } from "node:path";
import * as v from "valibot";
import { mysql } from "../../connectors/mysql/connector.ts";
import { postgres } from "../../connectors/postgres/connector.ts";
import type { FollowProgress } from "../../contract/connector/changes.ts";
import type { Connector } from "../../contract/connector/connector.ts";
import type { FollowedReport } from "../../contract/connector/followed.ts";
import type { Report } from "../../contract/jobs/reports.ts";
import { streamSchema } from "../../contract/pipeline/stream.ts";
import { discoveryJob } from "../../engine/worker/discovery/discovery_job.ts";
import { Reporter } from "../../engine/worker/reporter.ts";
import type { FollowedProject } from "./followed_project.ts";

/** What the source says that it keeps for the pipeline of a report: asked in this process, as the server has it done in one of its own. */
export async function lookAtFollower(
  project: FollowedProject,
  url: string,
  { token, position }: Pick<FollowedReport, "token" | "position">,
  definition: Readonly<Record<string, unknown>>,
): Promise<FollowProgress | null> {
  const reports: Report[] = [];
  const config = { url, ssl: "disable" };
  const connectors: readonly Connector[] = [postgres, mysql];
  const type = url.startsWith("mysql:") ? "mysql" : "postgres";
  await discoveryJob(
    {
      kind: "discovery",
      connector: "shop",
      follower: {
        pipeline: "p",
        token,
        position,
        streams: { orders: v.parse(streamSchema, { connector: "shop", ...definition }) },
      },
      projectDir: project.folder,
      tempDir: join(project.folder, "temp"),
      connectors: { shop: { type, ...config } },
      duckdb: { directories: [], files: [] },
    },
    {
      connectors,
      reporter: new Reporter("key", (bytes) => {
        const text = new TextDecoder().decode(bytes);
        reports.push(JSON.parse(text.slice(text.indexOf("{"))));
      }),
      requests: {
        config: () => Promise.resolve({ config, goodForMs: Infinity }),
        secret: (name) => Promise.reject(new Error(`there is no secret ${name}`)),
        wayOut: (host) => Promise.reject(new Error(`there is no way to ${host}`)),
        turn: () => Promise.resolve(),
        accessToken: () => Promise.reject(new Error("there is no token")),
        hold: () => Promise.resolve(),
        posted: () => Promise.resolve(undefined),
        memoryOf: () => Promise.resolve(null),
      },
      signal: new AbortController().signal,
    },
  );
  const [report] = reports.flatMap((report) => report.type === "kept" ? [report] : []);
  ok(report !== undefined);
  return report.progress;
}
