import type { RollBack, Version, VersionChanges } from "../../contract/versions/version.ts";
import type { Versions } from "../../engine/control/versions/port.ts";

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

  changes(): Promise<VersionChanges> {
    const diff =
      "--- a/transforms/orders/daily.sql\n+++ b/transforms/orders/daily.sql\n@@ -1,1 +1,1 @@\n-SELECT 1\n+SELECT 2\n";
    const { revision } = this.version;
    return Promise.resolve({
      from: "c".repeat(64),
      to: revision,
      files: [{ path: "transforms/orders/daily.sql", change: "changed", diff }],
    });
  }

  rollBack(): Promise<RollBack> {
    return Promise.resolve({ from: this.version.revision, to: "c".repeat(64) });
  }
}
