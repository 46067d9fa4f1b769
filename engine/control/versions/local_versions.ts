import { AppError } from "../../../contract/errors.ts";
import { quoteName } from "../../../contract/names.ts";
import type { FileChange, RollBack, Version } from "../../../contract/versions/version.ts";
import { unifiedDiff } from "../../../text/unified_diff.ts";
import type { Store } from "../../store/store.ts";
import type { VersionRecord } from "../../store/versions/port.ts";
import { pipelineRecord } from "../pipeline_record.ts";
import { findVersion, MAX_VERSIONS, requireKept } from "./find_version.ts";
import type { VersionPlans } from "../models/version_plans.ts";
import type { ChangesOptions, VersionPage, Versions } from "./port.ts";

export interface LocalVersionsContext {
  readonly store: Store;
  readonly plan: VersionPlans;
  rollBack(pipeline: string, revision: string | undefined): Promise<RollBack>;
}

/** Versions out of the control store. */
export function createVersions({ store, plan, rollBack }: LocalVersionsContext): Versions {
  return {
    async list(pipeline, page: VersionPage) {
      const { revision } = await pipelineRecord(store, pipeline);
      const { limit = 50 } = page;
      const [records, [newest]] = await Promise.all([
        store.versions.list(pipeline, { ...page, limit: Math.min(limit, MAX_VERSIONS + 1) }),
        store.versions.list(pipeline, { limit: 1 }),
      ]);
      return records.map((record) =>
        versionOf(record, record.seq === newest?.seq && record.revision === revision)
      );
    },

    async changes(pipeline, asked, { against, file, plan: isPlanned = false }: ChangesOptions = {}) {
      await pipelineRecord(store, pipeline);
      const versions = await store.versions.list(pipeline, { limit: MAX_VERSIONS });
      const to = findVersion(pipeline, versions, asked);
      requireKept(pipeline, to);
      const from = against === undefined
        ? versions.slice(versions.findLastIndex(({ revision }) => revision === to.revision) + 1)[0]
        : findVersion(pipeline, versions, against);
      if (from !== undefined) requireKept(pipeline, from);
      const [before, after] = await Promise.all([
        from === undefined ? new Map<string, string>() : textsOf(store, pipeline, from),
        textsOf(store, pipeline, to),
      ]);
      return {
        from: from?.revision ?? null,
        to: to.revision,
        files: changedFiles(before, after, file),
        ...(isPlanned ? { plan: await plan(from?.revision, to.revision) } : {}),
      };
    },

    rollBack: (pipeline, revision) => rollBack(pipeline, revision),
  };
}

async function textsOf(
  store: Store,
  pipeline: string,
  version: VersionRecord,
): Promise<ReadonlyMap<string, string>> {
  const texts = await store.versions.texts(version.revision);
  if (texts === undefined) requireKept(pipeline, { ...version, isKept: false });
  return texts ?? new Map();
}

function changedFiles(
  before: ReadonlyMap<string, string>,
  after: ReadonlyMap<string, string>,
  file: string | undefined,
): FileChange[] {
  const paths = [...new Set([...before.keys(), ...after.keys()])].sort();
  if (file !== undefined && !paths.includes(file)) {
    throw new AppError("not_found", `Neither revision has a file ${quoteName(file)}`);
  }
  return paths.filter((path) => (file ?? path) === path && before.get(path) !== after.get(path)).map(
    (path) => {
      const [old, now] = [before.get(path), after.get(path)];
      const change = old === undefined ? "added" : now === undefined ? "removed" : "changed";
      return { path, change, diff: unifiedDiff(path, old, now) ?? "" };
    },
  );
}

function versionOf(record: VersionRecord, isInForce: boolean): Version {
  const { seq, revision, gitCommit, commit, inForceAtMs, isKept } = record;
  return {
    version: seq,
    revision,
    git_commit: gitCommit,
    commit: commit === null ? null : {
      id: commit.id,
      author: commit.author,
      subject: commit.subject,
      at: new Date(commit.atMs).toISOString(),
    },
    in_force_at: new Date(inForceAtMs).toISOString(),
    in_force: isInForce,
    kept: isKept,
  };
}
