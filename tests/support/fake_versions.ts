import type { RollBack, Version, VersionChanges } from "../../contract/versions/version.ts";
import type { PipelinePlan } from "../../contract/plan/plan.ts";
import type { ChangesOptions, Versions } from "../../engine/control/versions/port.ts";

const PLAN: PipelinePlan = {
  pipeline: "flights",
  change: "changed",
  against: "revision cccccccccccc",
  faults: [],
  settings: [{
    name: "schedule",
    change: "changed",
    keys: [{ key: "cron", before: '"0 2 * * *"', after: '"<b>"' }],
  }],
  streams: [],
  loads: [],
  connectors: [],
  scripts: [],
  models: [
    {
      model: "daily<b>",
      path: null,
      change: "changed",
      why: ["its SQL"],
      rows: true,
      columns: [{ name: "total", change: "type", before: "BIGINT", after: "INTEGER", breaking: true }],
      breaking: ["column total was BIGINT and is INTEGER"],
      rebuild: { way: "full_refresh", text: "the next run builds it anew" },
      last: null,
      data: null,
    },
    {
      model: "weekly",
      path: null,
      change: "affected",
      why: ["reads daily"],
      rows: true,
      columns: null,
      breaking: [],
      rebuild: null,
      last: null,
      data: null,
    },
  ],
  readers: [],
  breaking: true,
  cost: { models: 2, duration_ms: null, rows: null, unknown: 2 },
  data: { compared: false, note: null, duration_ms: null },
  diffs: [],
};

/** One version of each pipeline, for tests of what stands on an engine. */
export class FakeVersions implements Versions {
  version: Version = {
    version: 1,
    revision: "a".repeat(64),
    git_commit: "b".repeat(40),
    commit: {
      id: "b".repeat(40),
      author: "Ann",
      subject: "Count orders <by day>",
      at: "2026-01-02T03:04:05.000Z",
    },
    in_force_at: "2026-01-02T03:05:00.000Z",
    in_force: true,
    kept: true,
  };

  list(): Promise<Version[]> {
    return Promise.resolve([this.version]);
  }

  /** What was asked of changes(). */
  readonly asked: ChangesOptions[] = [];

  changes(_pipeline: string, _revision: string, options: ChangesOptions = {}): Promise<VersionChanges> {
    this.asked.push(options);
    const diff =
      "--- a/transforms/orders/daily.sql\n+++ b/transforms/orders/daily.sql\n@@ -1,1 +1,1 @@\n-SELECT 1\n+SELECT 2\n";
    const { revision } = this.version;
    return Promise.resolve({
      from: "c".repeat(64),
      to: revision,
      files: [{ path: "transforms/orders/daily.sql", change: "changed", diff }],
      ...(options.plan === true ? { plan: PLAN } : {}),
    });
  }

  rollBack(): Promise<RollBack> {
    return Promise.resolve({ from: this.version.revision, to: "c".repeat(64) });
  }
}
