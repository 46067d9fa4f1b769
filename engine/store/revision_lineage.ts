import { gunzipSync, gzipSync } from "node:zlib";
import { eq } from "drizzle-orm";
import type { BatchItem } from "drizzle-orm/batch";
import type { PipelineLineage } from "../../contract/lineage/lineage.ts";
import { type Database, storing } from "./database.ts";
import { revisionLineage } from "./schema.ts";

/** Where the columns of a revision's tables come from: of a thousand models megabytes of the same few words. */

/** What puts it in the place of what was there. */
export function putLineage(db: Database, revision: string, lineage: PipelineLineage) {
  const packed = gzipSync(JSON.stringify(lineage));
  return db.insert(revisionLineage).values({ revision, lineage: packed })
    .onConflictDoUpdate({ target: revisionLineage.revision, set: { lineage: packed } });
}

/** The same as a part of a batch; nothing where there is none. */
export function lineageInserts(
  db: Database,
  revision: string,
  lineage: PipelineLineage | undefined,
): BatchItem<"sqlite">[] {
  return lineage === undefined ? [] : [putLineage(db, revision, lineage)];
}

export async function readLineage(db: Database, revision: string): Promise<PipelineLineage | undefined> {
  const query = db.select().from(revisionLineage).where(eq(revisionLineage.revision, revision));
  const [row] = await storing(`read the lineage of revision ${revision}`, query);
  if (row === undefined) return undefined;
  const lineage: PipelineLineage = JSON.parse(new TextDecoder().decode(gunzipSync(row.lineage)));
  return lineage;
}
