import { deepEqual, equal, ok } from "node:assert/strict";
import type { Report } from "../../../../../contract/jobs/reports.ts";
import type { StreamRequest } from "../../../../../contract/connector/source.ts";
import type { Scan } from "../../../../../contract/connector/source.ts";
import { isOneStatement, tellShare } from "../../../../../engine/worker/extract/progress/scan_share.ts";
import { JobProject, rows } from "../job_fixture.ts";

const progressOf = (reports: readonly Report[], step: string) =>
  reports.flatMap((report) => report.type === "progress" && report.step === step ? [report] : []);

async function* read() {
  yield await Promise.resolve(rows("orders", [1, "a"], [2, "b"], [3, "c"]));
}

Deno.test("a step reports what its source says that there is in all, and a load how many rows it has", async () => {
  await using project = await JobProject.create();
  const asked: (string | undefined)[] = [];
  const estimate = ({ cursor }: StreamRequest) => {
    asked.push(cursor?.value);
    return Promise.resolve(4);
  };
  const attempt = await project.attempt(
    { read, estimate },
    {
      extract: { orders: { connector: "it", mode: "incremental", update_key: "id", primary_key: ["id"] } },
      load: { orders: { connector: "it", table: "t" } },
    },
  );
  equal(attempt.error, undefined);
  const [first] = progressOf(attempt.reports, "extract:orders");
  deepEqual([first?.rows, first?.total], [3, { rows: 4 }]);
  deepEqual(asked, [undefined], "once, though a thread would ask as well");
  const [loaded] = attempt.reports.flatMap((one) =>
    one.type === "progress" && one.step.startsWith("load") ? [one] : []
  );
  deepEqual([loaded?.rows, loaded?.total], [3, { rows: 3 }]);
});

Deno.test("a source that cannot say how much there is reads all the same", async () => {
  await using project = await JobProject.create();
  const estimate = () => Promise.reject(new Error("permission denied for EXPLAIN"));
  const attempt = await project.attempt({ read, estimate }, { extract: { orders: { connector: "narrow" } } });
  equal(attempt.error, undefined);
  deepEqual(progressOf(attempt.reports, "extract:orders").map(({ total }) => total), [undefined]);
});

Deno.test("the share of a scan is told while it runs, where DuckDB knows it", async () => {
  const scan = { relation: "t", files: [], sizeBytes: 5 } as unknown as Scan;
  equal(isOneStatement(scan), true);
  equal(isOneStatement({ ...scan, sizeBytes: 0 }), false);
  equal(isOneStatement({ ...scan, prepare: () => Promise.reject(new Error()) }), false);
  const shares: number[] = [];
  const known = [undefined, 0.5];
  const session = { measureProgress: () => Promise.resolve(), progress: () => known.shift() };
  const told = Promise.withResolvers<void>();
  {
    using _share = await tellShare(session, (share) => {
      shares.push(share);
      told.resolve();
    });
    await told.promise;
  }
  deepEqual(shares, [0.5]);
  ok(known.length === 0);
});
