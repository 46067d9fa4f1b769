import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { createAudit } from "../../../../../engine/control/audit/audit_log.ts";
import { forgetOldLines } from "../../../../../engine/control/audit/retention.ts";
import { beginRunLines, finishRunLines } from "../../../../../engine/control/audit/run_lines.ts";
import { verifyChain } from "../../../../../engine/control/audit/verify_chain.ts";
import { FakeClock } from "../../../../support/fake_clock.ts";
import { claim, lease, newRun, outcome, StoreFixture } from "../../store/store_fixture.ts";

const NEVER = new AbortController().signal;

Deno.test("runs that start by themselves, and each run's end, have one line, however often they are read", async () => {
  await using fixture = new StoreFixture();
  const store = await fixture.openWithPipelines();
  const clock = new FakeClock(0);
  await using audit = createAudit({ store: store.audit, clock, log: () => {} });
  await beginRunLines(store.outbox);
  await store.runs.create(newRun("asked", { trigger: "api" }));
  await store.runs.create(newRun("due", { pipeline: "b", trigger: "schedule" }));
  await claim(store, "me", 2_000);
  await store.attempts.finish(lease("asked"), "succeed", outcome());
  await store.runs.cancelQueued("due", 1, "asked", "ann");
  const lines = async () =>
    (await store.audit.read(0, 100)).map(({ action, target, pipeline, details }) =>
      `${action} ${target?.name} ${pipeline} ${details?.["state"] ?? details?.["trigger"]}`
    );
  await finishRunLines(audit, store.outbox);
  const all = [
    "run.start due b schedule",
    "run.end asked a succeeded",
    "run.end due b cancelled",
  ];
  deepStrictEqual(await lines(), all);
  strictEqual((await store.audit.read(0, 100)).at(-1)?.details?.["cancelled_by"], "ann");

  // Another server reads the same from the beginning.
  await audit.recordOnce([]);
  const other = await fixture.open();
  await using second = createAudit({ store: other.audit, clock, log: () => {} });
  const seen = (await other.outbox.read(0, 100)).length;
  strictEqual(seen > 3, true);
  const again = {
    ...other.outbox,
    cursor: () => Promise.resolve(0),
    advance: () => Promise.resolve(),
  };
  await finishRunLines(second, again);
  deepStrictEqual(await lines(), all);
});

Deno.test("forgetOldLines() lets go of what is older than so many days, and of nothing for 0", async () => {
  await using fixture = new StoreFixture();
  const { audit: store } = await fixture.open();
  const clock = new FakeClock("2026-01-01T00:00:00Z");
  await using audit = createAudit({ store, clock, log: () => {} });
  const actor = { id: "u1", name: "ann", kind: "person" } as const;
  for (let day = 0; day < 10; day++) {
    await audit.record({ action: "sign_in", actor });
    await clock.advance(86_400_000);
  }
  const forget = (keepDays: number) => forgetOldLines({ store, clock, log: () => {}, keepDays }, NEVER);
  strictEqual(await forget(0), 0);
  const going = forget(3);
  for (let step = 0; step < 5; step++) await clock.advance(20);
  strictEqual(await going, 7);
  const left = await store.read(0, 100);
  deepStrictEqual(left.map(({ seq, action }) => `${seq} ${action}`), [
    "8 sign_in",
    "9 sign_in",
    "10 sign_in",
    "11 audit.prune",
  ]);
  const { ok, first_seq: first } = await verifyChain(store, undefined);
  deepStrictEqual([ok, first], [true, 8]);
});
