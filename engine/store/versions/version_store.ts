import { and, asc, desc, eq, lt, sql } from "drizzle-orm";
import { writtenFiles } from "../../../contract/revision.ts";
import { type Database, storing } from "../database.ts";
import { files, revisionFiles, revisions } from "../schema.ts";
import type { VersionStore } from "./port.ts";
import { commits, pipelineVersions, projectSource } from "./tables.ts";

export function createVersionStore(db: Database): VersionStore {
  return { ...sourceOf(db), ...versionsOf(db) };
}

function sourceOf(db: Database): Pick<VersionStore, "source" | "putSource" | "commit" | "putCommit"> {
  return {
    async source() {
      const { ref, commit, appliedAtMs } = projectSource;
      const query = db.select({ ref, commit, appliedAtMs }).from(projectSource);
      return (await storing("read where definitions come from", query))[0];
    },

    async putSource(source) {
      const remove = db.delete(projectSource);
      const insert = source === undefined ? [] : [db.insert(projectSource).values({ only: 1, ...source })];
      await storing("write where definitions come from", db.batch([remove, ...insert]));
    },

    async putCommit({ id, author, subject, atMs }) {
      const insert = db.insert(commits).values({ id, author, subject, atMs }).onConflictDoNothing();
      await storing("write what is known of a commit", insert);
    },

    async commit(id) {
      const query = db.select().from(commits).where(eq(commits.id, id));
      return (await storing("read what is known of a commit", query))[0];
    },
  };
}

function versionsOf(db: Database): Pick<VersionStore, "list" | "texts"> {
  // What a revision's commit came to be called later counts.
  const gitCommit = sql<string | null>`coalesce(${revisions.gitCommit}, ${pipelineVersions.gitCommit})`;
  return {
    async list(pipeline, { limit, before, file }) {
      const query = db.select({
        seq: pipelineVersions.seq,
        revision: pipelineVersions.revision,
        gitCommit,
        inForceAtMs: pipelineVersions.inForceAtMs,
        commit: commits,
        isKept: sql<boolean>`${revisions.id} is not null`.mapWith(Boolean),
      }).from(pipelineVersions)
        .leftJoin(revisions, eq(revisions.id, pipelineVersions.revision))
        .leftJoin(commits, sql`${commits.id} = substr(${gitCommit}, 1, 40)`)
        .where(and(
          eq(pipelineVersions.pipeline, pipeline),
          before === undefined ? undefined : lt(pipelineVersions.seq, before),
          file === undefined ? undefined : changesFile(pipeline, file),
        ))
        .orderBy(desc(pipelineVersions.seq)).limit(limit);
      return await storing(`read the versions of "${pipeline}"`, query);
    },

    async texts(revision) {
      const [[head], contents] = await storing(
        `read revision ${revision}`,
        db.batch([
          db.select({ source: revisions.source }).from(revisions).where(eq(revisions.id, revision)),
          db.select({ path: revisionFiles.path, content: files.content }).from(revisionFiles)
            .innerJoin(files, eq(files.hash, revisionFiles.hash))
            .where(eq(revisionFiles.revision, revision)).orderBy(asc(revisionFiles.path)),
        ]),
      );
      if (head === undefined) return undefined;
      const written = writtenFiles(contents).map(({ path, content }) => [path, content] as const);
      return new Map([
        ...(head.source === null ? [] : [[head.source.path, head.source.content] as const]),
        ...written,
      ]);
    },
  };
}

/** Whether a version has another text at the path than the one before it; what is not kept any more has none. */
function changesFile(pipeline: string, path: string) {
  const hashOf = (revision: ReturnType<typeof sql>) =>
    sql`coalesce(
      (select hash from revision_files where revision = ${revision} and path = ${path}),
      (select source ->> 'content' from revisions where id = ${revision} and source ->> 'path' = ${path})
    )`;
  const previous = sql`(
    select p.revision from pipeline_versions p
    where p.pipeline = ${pipeline} and p.seq < ${pipelineVersions.seq} order by p.seq desc limit 1
  )`;
  return sql`${hashOf(sql`${pipelineVersions.revision}`)} is not ${hashOf(previous)}`;
}
