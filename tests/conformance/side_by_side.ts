import { deepStrictEqual, ok } from "node:assert/strict";
import type { LoadInput, LoadMode } from "../../contract/connector/destination.ts";
import { AppError } from "../../contract/errors.ts";
import { Bench, failureOf, OTHER_ROWS, TWO_ROWS } from "./bench.ts";
import type { Fixture } from "./fixture.ts";
import { Warehouse } from "./warehouse.ts";

const OLD = ['["1","a"]', '["2","b"]'];
const NEW: Readonly<Record<LoadMode, readonly string[]>> = {
  replace: ['["2","B"]', '["3","C"]'],
  append: ['["1","a"]', '["2","B"]', '["2","b"]', '["3","C"]'],
  merge: ['["1","a"]', '["2","B"]', '["3","C"]'],
  delete_insert: ['["1","a"]', '["2","B"]', '["3","C"]'],
  scd2: ['["1","a"]', '["2","B"]', '["2","b"]', '["3","C"]'],
};

/** Readers beside a load, two loads of one target, and a system that goes away. */
export function registerSideBySide(fixture: Fixture): void {
  const { name, modes } = fixture;
  const primaryKey = ["id"];
  for (const mode of modes) {
    Deno.test(`${name}: who reads during a ${mode} sees the old rows, whole, and then the new`, async () => {
      await using bench = await Bench.start(fixture);
      await bench.load("t", TWO_ROWS, { loadId: "a", mode, primaryKey });
      await using reader = await Warehouse.open(bench.system.projectDir);
      const seen: string[][] = [];
      const look = async () => {
        await reader.extract(bench.source, bench.stream("t"), bench.signal);
        seen.push(await reader.textsBack());
      };
      const input = await bench.warehouse.input(OTHER_ROWS, bench.signal, mode);
      await bench.loadInput("t", lookingInput(input, look), { loadId: "b", mode, primaryKey });
      ok(seen.length >= 2);
      for (const rows of seen) deepStrictEqual(rows, OLD);
      await look();
      deepStrictEqual(seen.at(-1), NEW[mode]);
    });

    Deno.test(`${name}: two loads of one target at once, ${mode}: each is done whole or refused`, async () => {
      await using bench = await Bench.start(fixture);
      await bench.load("t", TWO_ROWS, { loadId: "a", mode, primaryKey });
      await using other = await Warehouse.open(bench.system.projectDir);
      const selects = [3, 5].map((id) =>
        `SELECT * FROM (VALUES (${id}, 'x'), (${id + 1}, 'y')) AS t(id, name)`
      );
      const loads = await Promise.allSettled(selects.map((select, i) => {
        const warehouse = i === 0 ? bench.warehouse : other;
        const load = { loadId: `both${i}`, mode, primaryKey };
        return warehouse.load(bench.destination, bench.target("t"), select, load, bench.signal);
      }));
      const sets = [['["3","x"]', '["4","y"]'], ['["5","x"]', '["6","y"]']];
      const done = sets.filter((_, i) => loads[i]?.status === "fulfilled");
      for (const load of loads) {
        if (load.status === "fulfilled") continue;
        ok(load.reason instanceof AppError && load.reason.code === "unavailable", String(load.reason));
      }
      ok(done.length > 0, "both were refused");
      const found = await bench.rowsBack("t");
      if (mode === "replace") ok(done.some((rows) => rows.join() === found.join()), found.join());
      else deepStrictEqual(found, [...OLD, ...done.flat()].sort());
    });

    // What is no server cannot be cut off; tests/crash kills the process instead.
    if (fixture.isCut === true) registerCut(fixture, mode);
  }
  if (fixture.failsLate !== undefined) registerLateFailure(fixture, fixture.failsLate);
}

function registerCut(fixture: Fixture, mode: LoadMode): void {
  Deno.test(`${fixture.name}: a ${mode} whose connection is cut changes nothing, and is done when it is tried again`, async () => {
    await using bench = await Bench.start(fixture);
    const primaryKey = ["id"];
    await bench.load("t", TWO_ROWS, { loadId: "a", mode, primaryKey });
    const input = await bench.warehouse.input(OTHER_ROWS, bench.signal, mode);
    const cut = lookingInput(input, async () => await bench.system.cut?.());
    const error = await failureOf(() => bench.loadInput("t", cut, { loadId: "b", mode, primaryKey }));
    deepStrictEqual(error.code, "unavailable");
    deepStrictEqual(await bench.rowsBack("t"), OLD);
    await bench.loadInput("t", input, { loadId: "b", mode, primaryKey });
    deepStrictEqual(await bench.rowsBack("t"), NEW[mode]);
  });
}

function registerLateFailure(fixture: Fixture, failing: Readonly<Record<string, unknown>>): void {
  Deno.test(`${fixture.name}: a stream that fails at a later row leaves what was read before as it was`, async () => {
    await using bench = await Bench.start(fixture);
    await bench.load("t", TWO_ROWS, { loadId: "a", mode: "replace" });
    await bench.readBack("t");
    await failureOf(() => bench.readStream(bench.streamOf(failing)));
    deepStrictEqual(await bench.warehouse.texts("SELECT * FROM raw.back"), OLD);
  });
}

/** Looks before and after the rows are taken. */
function lookingInput(input: LoadInput, look: () => Promise<void>): LoadInput {
  return {
    ...input,
    async *batches() {
      await look();
      yield* input.batches();
      await look();
    },
    async copyTo(path, options) {
      await look();
      const copied = await input.copyTo(path, options);
      await look();
      return copied;
    },
  };
}
