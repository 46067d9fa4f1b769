import { deepEqual, equal } from "node:assert/strict";
import { type CheckProgress, PendingChecks } from "../../../../engine/control/pending_checks.ts";

/** An apply that goes on until it is let go. */
function startApply(checks: PendingChecks) {
  const done = Promise.withResolvers<void>();
  const given: CheckProgress[] = [];
  const applying = checks.during(async (progress) => {
    given.push(progress);
    await done.promise;
  });
  const [progress] = given;
  if (progress === undefined) throw new Error("it did not begin at once");
  return { progress, end: async () => (done.resolve(), await applying) };
}

/** Notes the order in which promises are settled. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
}

Deno.test("PendingChecks holds back who asks for a pipeline until its files were read and checked", async () => {
  const checks = new PendingChecks();
  await checks.settled("a");
  const apply = startApply(checks);
  const seen: string[] = [];
  for (const name of ["a", "b", "other"]) void checks.settled(name).then(() => seen.push(name));
  await settle();
  deepEqual(seen, []);
  apply.progress.begin(["a", "b"]);
  await settle();
  deepEqual(seen, ["other"]);
  apply.progress.end("b");
  await settle();
  deepEqual(seen, ["other", "b"]);
  await apply.end();
  await settle();
  deepEqual(seen, ["other", "b", "a"]);
});

Deno.test("PendingChecks is idle when what is left only waits for sources", async () => {
  const checks = new PendingChecks();
  const apply = startApply(checks);
  let isIdle = false;
  void checks.idle().then(() => isIdle = true);
  apply.progress.begin(["a", "b", "c"]);
  apply.progress.wait("a");
  apply.progress.end("b");
  await settle();
  equal(isIdle, false);
  apply.progress.wait("c");
  await settle();
  equal(isIdle, true);
  await apply.end();
  await checks.settled("a");
});

Deno.test("PendingChecks lets everybody go where an apply fails", async () => {
  const checks = new PendingChecks();
  const failing = checks.during(({ begin }) => {
    begin(["a"]);
    return Promise.reject(new Error("no project"));
  });
  const waiting = Promise.all([checks.settled("a"), checks.idle()]);
  await failing.catch(() => {});
  await waiting;
});
