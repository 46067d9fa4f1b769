import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import type { LoadInput } from "../../contract/connector/destination.ts";
import { AppError } from "../../contract/errors.ts";
import { Bench, OTHER_ROWS, TWO_ROWS } from "./bench.ts";
import type { Fixture } from "./fixture.ts";

/** The modes, loads that are repeated, and loads that fail. */
export function registerLoads(fixture: Fixture): void {
  const { name, modes } = fixture;
  Deno.test(`${name}: replace leaves just the new rows`, async () => {
    await using bench = await Bench.start(fixture);
    await bench.load("t", TWO_ROWS, { loadId: "a", mode: "replace" });
    const result = await bench.load("t", OTHER_ROWS, { loadId: "b", mode: "replace" });
    deepStrictEqual([result.rows, result.repeated], [2, false]);
    deepStrictEqual(await bench.rowsBack("t"), ['["2","B"]', '["3","C"]']);
  });

  Deno.test(`${name}: replace takes other columns`, async () => {
    await using bench = await Bench.start(fixture);
    await bench.load("t", TWO_ROWS, { loadId: "a", mode: "replace" });
    await bench.load("t", "SELECT 'x' AS other, 7 AS id", { loadId: "b", mode: "replace" });
    deepStrictEqual((await bench.readBack("t")).map((column) => column.name), ["other", "id"]);
  });

  if (modes.includes("append")) {
    Deno.test(`${name}: append adds the rows`, async () => {
      await using bench = await Bench.start(fixture);
      await bench.load("t", TWO_ROWS, { loadId: "a", mode: "append" });
      await bench.load("t", OTHER_ROWS, { loadId: "b", mode: "append" });
      deepStrictEqual(await bench.rowsBack("t"), ['["1","a"]', '["2","B"]', '["2","b"]', '["3","C"]']);
    });

    Deno.test(`${name}: append takes a new column`, async () => {
      await using bench = await Bench.start(fixture);
      await bench.load("t", TWO_ROWS, { loadId: "a", mode: "append" });
      await bench.load("t", "SELECT 3 AS id, 'c' AS name, 'new' AS extra", { loadId: "b", mode: "append" });
      deepStrictEqual(
        await bench.rowsBack("t", "SELECT id, name, extra FROM raw.back"),
        ['["1","a",null]', '["2","b",null]', '["3","c","new"]'],
      );
    });
  }

  if (modes.includes("merge")) {
    Deno.test(`${name}: merge updates by key and adds the rest`, async () => {
      await using bench = await Bench.start(fixture);
      await bench.load("t", TWO_ROWS, { loadId: "a", mode: "merge", primaryKey: ["id"] });
      await bench.load("t", OTHER_ROWS, { loadId: "b", mode: "merge", primaryKey: ["id"] });
      deepStrictEqual(await bench.rowsBack("t"), ['["1","a"]', '["2","B"]', '["3","C"]']);
    });

    Deno.test(`${name}: merge by two columns, one of them text`, async () => {
      await using bench = await Bench.start(fixture);
      const load = { mode: "merge", primaryKey: ["id", "name"] } as const;
      await bench.load("t", "SELECT * FROM (VALUES (1, 'a', 1), (1, 'b', 2)) AS t(id, name, n)", {
        loadId: "a",
        ...load,
      });
      await bench.load("t", "SELECT * FROM (VALUES (1, 'b', 3), (2, 'b', 4)) AS t(id, name, n)", {
        loadId: "b",
        ...load,
      });
      deepStrictEqual(await bench.rowsBack("t"), ['["1","a","1"]', '["1","b","3"]', '["2","b","4"]']);
    });
  }

  for (const mode of modes) {
    Deno.test(`${name}: a repeated ${mode} changes nothing and says so`, async () => {
      await using bench = await Bench.start(fixture);
      const primaryKey = ["id"];
      await bench.load("t", TWO_ROWS, { loadId: "run1/load:t", mode, primaryKey });
      await bench.load("t", OTHER_ROWS, { loadId: "run2/load:t", mode, primaryKey });
      const before = await bench.rowsBack("t");
      strictEqual(
        (await bench.load("t", OTHER_ROWS, { loadId: "run2/load:t", mode, primaryKey })).repeated,
        true,
      );
      strictEqual(
        (await bench.load("t", TWO_ROWS, { loadId: "run1/load:t", mode, primaryKey })).repeated,
        true,
      );
      deepStrictEqual(await bench.rowsBack("t"), before);
    });

    Deno.test(`${name}: a ${mode} whose rows fail half way changes nothing, and works when repeated`, async () => {
      await using bench = await Bench.start(fixture);
      const primaryKey = ["id"];
      await bench.load("t", TWO_ROWS, { loadId: "a", mode, primaryKey });
      const input = await bench.warehouse.input(OTHER_ROWS, bench.signal, mode);
      await rejects(
        bench.loadInput("t", failingInput(input), { loadId: "b", mode, primaryKey }),
        (error) => error instanceof AppError && error.message.includes("the rows ended too early"),
      );
      deepStrictEqual(await bench.rowsBack("t"), ['["1","a"]', '["2","b"]']);
      strictEqual((await bench.loadInput("t", input, { loadId: "b", mode, primaryKey })).repeated, false);
    });

    Deno.test(`${name}: an aborted ${mode} changes nothing`, async () => {
      await using bench = await Bench.start(fixture);
      const primaryKey = ["id"];
      await bench.load("t", TWO_ROWS, { loadId: "a", mode, primaryKey });
      const controller = new AbortController();
      const input = await bench.warehouse.input(OTHER_ROWS, bench.signal, mode);
      await rejects(
        bench.loadInput(
          "t",
          abortingInput(input, controller),
          { loadId: "b", mode, primaryKey },
          controller.signal,
        ),
      );
      deepStrictEqual(await bench.rowsBack("t"), ['["1","a"]', '["2","b"]']);
    });
  }
}

function tooEarly(): AppError {
  return new AppError("unavailable", "the rows ended too early");
}

/** Gives its rows, then fails. */
function failingInput(input: LoadInput): LoadInput {
  return {
    ...input,
    async *batches() {
      yield* input.batches();
      throw tooEarly();
    },
    async copyTo(path, options) {
      await input.copyTo(path, options);
      throw tooEarly();
    },
  };
}

function abortingInput(input: LoadInput, controller: AbortController): LoadInput {
  return {
    ...input,
    async *batches() {
      yield* input.batches();
      controller.abort();
    },
    async copyTo(path, options) {
      const rows = await input.copyTo(path, options);
      controller.abort();
      return rows;
    },
  };
}
