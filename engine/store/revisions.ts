import { asc, eq, sql } from "drizzle-orm";
import type { BatchItem } from "drizzle-orm/batch";
import { AppError, toAppError } from "../../contract/errors.ts";
import type { Sealer } from "../../contract/keys/sealer.ts";
import { withDefaults } from "../../contract/pipeline/pipeline.ts";
import type { Revision, RevisionFile } from "../../contract/revision.ts";
import type { PipelineStep } from "../../contract/run.ts";
import { type Database, storing } from "./database.ts";
import { headsOf, openRevision, sealRevision } from "./keys/sealed_entries.ts";
import { storableText } from "./rows.ts";
import { lineageInserts, putLineage, readLineage } from "./revision_lineage.ts";
import { files, pipelines, revisionFiles, revisions, steps as stepsTable } from "./schema.ts";
import type { RevisionHead, RevisionStore } from "./ports/definitions.ts";

export function createRevisionStore(db: Database, sealer: Sealer): RevisionStore {
  const sealedOf = async (id: string) => {
    const { connectors, sealedConnectors } = revisions;
    const query = db.select({ id: revisions.id, connectors, sealedConnectors }).from(revisions)
      .where(eq(revisions.id, id));
    const [row] = await storing(`read the connectors of revision ${id}`, query);
    return row;
  };
  return {
    async has(id) {
      const query = db.select({ id: revisions.id }).from(revisions).where(eq(revisions.id, id));
      return (await storing(`look for revision ${id}`, query)).length > 0;
    },

    async save(revision, steps, lineage) {
      const action = `save a revision of "${revision.pipeline}"`;
      const known = await sealedOf(revision.id);
      if (known !== undefined) {
        const sealed = await opens(sealer, known) ? {} : await sealedPart(sealer, revision);
        // It is about to be used again: retention must not take it meanwhile.
        const keep = db.update(revisions).set({ unusedSinceMs: null, ...sealed })
          .where(eq(revisions.id, revision.id));
        const lineageToo = lineageInserts(db, revision.id, lineage);
        await storing(action, db.batch([noteCleanCommit(db, revision), keep, ...lineageToo]));
        return;
      }
      const sealed = await sealedPart(sealer, revision);
      const all = await inserts(db, revision, sealed, steps);
      await storing(action, db.batch([...all, ...lineageInserts(db, revision.id, lineage)]));
    },

    lineage: (id) => readLineage(db, id),
    async putLineage(id, lineage) {
      await storing(`put the lineage of revision ${id}`, putLineage(db, id, lineage));
    },

    async connectors(id) {
      const row = await sealedOf(id);
      if (row === undefined) throw new AppError("not_found", `The revision ${id} is gone`);
      return await openRevision(sealer, row);
    },

    async head(id) {
      const query = db.select(HEAD).from(revisions).where(eq(revisions.id, id));
      const [row] = await storing(`read revision ${id}`, query);
      return row && headOf(row);
    },

    async heads(ids) {
      const query = db.select(HEAD).from(revisions)
        .where(sql`${revisions.id} in (select value from json_each(${JSON.stringify(ids)}))`);
      return (await storing("read revisions", query)).map(headOf);
    },

    async headsInForce() {
      const inForce = db.select({ name: pipelines.name, revision: HEAD }).from(pipelines).innerJoin(
        revisions,
        eq(revisions.id, pipelines.revision),
      )
        .where(eq(pipelines.removed, false));
      const found = await storing("read the revisions in force", inForce);
      return new Map(found.map((row): [string, RevisionHead] => [row.name, headOf(row.revision)]));
    },

    async get(id) {
      const [found, contents, steps] = await storing(
        `read revision ${id}`,
        db.batch([
          db.select(HEAD).from(revisions).where(eq(revisions.id, id)),
          db.select({ path: revisionFiles.path, content: files.content }).from(revisionFiles)
            .innerJoin(files, eq(files.hash, revisionFiles.hash))
            .where(eq(revisionFiles.revision, id)).orderBy(asc(revisionFiles.position)),
          db.select().from(stepsTable).where(eq(stepsTable.revision, id)).orderBy(asc(stepsTable.position)),
        ]),
      );
      const row = found[0];
      if (row === undefined) return undefined;
      return {
        revision: { ...headOf(row), files: contents },
        steps: steps.map(({ name, kind, depends, summary, file, sql }) => (
          { name, kind, depends, summary, file, sql }
        )),
      };
    },

    async idsLike(beginning, limit) {
      if (!/^[0-9a-f]+$/i.test(beginning)) return [];
      const first = beginning.toLowerCase();
      const query = db.select({ id: revisions.id }).from(revisions)
        .where(sql`${revisions.id} >= ${first} and ${revisions.id} < ${`${first}g`}`).limit(limit);
      return (await storing("look for revisions", query)).map(({ id }) => id);
    },
  };
}

/** Throws what may go well another time. */
async function opens(sealer: Sealer, row: Parameters<typeof openRevision>[1]): Promise<boolean> {
  try {
    await openRevision(sealer, row);
    return true;
  } catch (error) {
    if (toAppError(error).code === "invalid") return false;
    throw error;
  }
}

const sealedPart = (sealer: Sealer, { id, connectors }: Revision) => sealRevision(sealer, id, connectors);

/** What of a row is read to show it: what is sealed in it is not, nor what retention and versions have beside. */
const HEAD = {
  id: revisions.id,
  pipeline: revisions.pipeline,
  definition: revisions.definition,
  connectors: revisions.connectors,
  gitCommit: revisions.gitCommit,
};

function headOf(
  { gitCommit, definition, connectors, ...rest }: Pick<typeof revisions.$inferSelect, keyof typeof HEAD>,
): RevisionHead {
  return {
    ...rest,
    connectors: headsOf(connectors),
    definition: withDefaults(definition),
    ...(gitCommit === null ? {} : { gitCommit }),
  };
}

/** The same content may first be seen before its commit: the name of the commit is then put right. */
function noteCleanCommit(db: Database, { id, gitCommit }: Revision) {
  return db.update(revisions).set({ gitCommit: gitCommit ?? null }).where(sql`
    id = ${id} and ${
    gitCommit ?? null
  } not like '%+dirty' and (git_commit is null or git_commit like '%+dirty')
  `);
}

type Inserts = [BatchItem<"sqlite">, ...BatchItem<"sqlite">[]];

async function inserts(
  db: Database,
  revision: Revision,
  sealed: Awaited<ReturnType<typeof sealedPart>>,
  steps: readonly PipelineStep[],
): Promise<Inserts> {
  const hashed = await Promise.all(revision.files.map(hashFile));
  const all: Inserts = [
    db.insert(revisions).values({
      id: revision.id,
      pipeline: revision.pipeline,
      definition: revision.definition,
      ...sealed,
      gitCommit: revision.gitCommit ?? null,
    }),
  ];
  // A statement a file, not one for all: a file may be megabytes and a revision may have hundreds.
  for (const [position, { hash, path, content }] of hashed.entries()) {
    all.push(db.insert(files).values({ hash, content }).onConflictDoNothing());
    all.push(db.insert(revisionFiles).values({ revision: revision.id, position, path, hash }));
  }
  for (const [position, step] of steps.entries()) {
    all.push(
      db.insert(stepsTable).values({
        revision: revision.id,
        position,
        name: step.name,
        kind: step.kind,
        depends: step.depends,
        summary: storableText(step.summary),
        file: step.file,
        sql: step.sql,
      }),
    );
  }
  return all;
}

async function hashFile({ path, content }: RevisionFile): Promise<RevisionFile & { hash: string }> {
  if (content.includes("\0")) {
    throw new AppError("invalid", `Cannot save "${path}": it has a NUL character, so it is not a text file`);
  }
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(content));
  return { path, content, hash: new Uint8Array(digest).toHex() };
}
