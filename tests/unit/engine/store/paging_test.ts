import assert from "node:assert/strict";
import { problemCursor, problemPlace } from "../../../../contract/alerts/problem_cursor.ts";
import type { AlertChange } from "../../../../engine/store/alerts/alert_store.ts";
import type { Store } from "../../../../engine/store/store.ts";
import { newRun, StoreFixture } from "./store_fixture.ts";

/** Seven problems, of which three are over, some of them at the same time. */
async function addProblems(store: Store): Promise<void> {
  const changes = Array.from({ length: 7 }, (_, index): AlertChange => ({
    type: "open",
    problem: {
      id: `01K0PROBLEM${index}`,
      key: `key ${index}`,
      kind: "failure",
      pipeline: "a",
      run: null,
      message: "",
      atMs: 1_000 + Math.floor(index / 2),
      isTold: false,
    },
  }));
  await store.alerts.apply(1_000, changes);
  for (const [index, atMs] of [[1, 5_000], [2, 5_000], [4, 6_000]] as const) {
    await store.alerts.apply(atMs, [{ type: "close", id: `01K0PROBLEM${index}`, atMs }]);
  }
}

/** What pages of two have, one after the other. */
async function byTwo<T>(
  read: (page: { limit: number; cursor?: string }) => Promise<T[]>,
  cursorOf: (item: T) => string,
): Promise<T[]> {
  const items: T[] = [];
  for (;;) {
    const last = items.at(-1);
    const page = await read({ limit: 2, ...(last === undefined ? {} : { cursor: cursorOf(last) }) });
    if (page.length === 0) return items;
    items.push(...page);
  }
}

Deno.test("pages of problems are the list, whichever of them it has", async () => {
  await using fixture = new StoreFixture();
  const store = await fixture.openWithPipelines();
  await addProblems(store);
  const order: string[] = [];
  for (const filter of [{}, { isOpen: true }, { isOpen: false }]) {
    const all = await store.alerts.list({ ...filter, limit: 99 });
    const paged = await byTwo(
      ({ limit, cursor }) =>
        store.alerts.list({
          ...filter,
          limit,
          ...(cursor === undefined ? {} : { behind: problemPlace(cursor) }),
        }),
      problemCursor,
    );
    assert.deepEqual(paged, all);
    order.push(all.map(({ id }) => id.slice(-1)).join(""));
  }
  assert.deepEqual(order, ["6530421", "6530", "421"]);
});

Deno.test("pages of what was sent are the list, of one notifier too", async () => {
  await using fixture = new StoreFixture();
  const store = await fixture.openWithPipelines();
  for (let index = 0; index < 5; index++) {
    const at = new Date(1_000 + Math.floor(index / 2)).toISOString();
    await store.alerts.record({
      id: `d${index}`,
      notifier: index === 2 ? "other" : "team",
      title: null,
      state: "sent",
      attempt: 1,
      event_count: 0,
      events: [],
      created_at: at,
      not_before: null,
      ended_at: at,
      error: null,
    });
  }
  for (const [filter, expected] of [[{}, "43210"], [{ notifier: "team" }, "4310"]] as const) {
    const paged = await byTwo(
      ({ limit, cursor }) =>
        store.alerts.deliveries({ ...filter, limit, ...(cursor === undefined ? {} : { beforeId: cursor }) }),
      ({ id }) => id,
    );
    assert.equal(paged.map(({ id }) => id.slice(1)).join(""), expected);
  }
});

Deno.test("pages of backfills and runs are the list, and an unknown cursor is refused", async () => {
  await using fixture = new StoreFixture();
  const store = await fixture.openWithPipelines();
  for (const group of ["x", "y", "z"]) {
    await store.runs.createAll([0, 1].map((index) =>
      newRun(`${group}-${index}`, {
        trigger: "backfill",
        group,
        window: { startMs: index * 1_000, endMs: (index + 1) * 1_000 },
      })
    ));
  }
  const backfills = await byTwo((page) => store.backfills.list(page), ({ group }) => group);
  assert.deepEqual(backfills.map(({ group }) => group), ["z", "y", "x"]);
  const runs = await byTwo(
    ({ limit, cursor }) => store.runs.list({ limit, ...(cursor === undefined ? {} : { before: cursor }) }),
    ({ id }) => id,
  );
  assert.deepEqual(runs.map(({ id }) => id), ["z-1", "z-0", "y-1", "y-0", "x-1", "x-0"]);
  await assert.rejects(store.backfills.list({ limit: 2, cursor: "w" }), { reason: "unknown_cursor" });
  await assert.rejects(store.runs.list({ limit: 2, before: "w" }), { reason: "unknown_cursor" });
});
