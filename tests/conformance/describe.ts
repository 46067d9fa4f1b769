import { deepStrictEqual, ok } from "node:assert/strict";
import type { Schema } from "apache-arrow";
import type { StreamRequest } from "../../contract/connector/source.ts";
import { Bench } from "./bench.ts";
import { CONTRACT_TYPES, type Fixture } from "./fixture.ts";

const MASK_SALT = "salt of the test";

/** A column of each type that the destination takes, with its extremes, and a row of NULLs. */
function everyType({ typeBack }: Fixture): string {
  const types = Object.entries(CONTRACT_TYPES).filter(([type]) => typeBack(type) !== undefined);
  const rows = Math.max(...types.map(([, values]) => values.length));
  const row = (at: number) =>
    types.map(([type, values], i) => `CAST(${values[at % values.length]} AS ${type}) AS of_${i}`).join(", ");
  const nulls = types.map(([type], i) => `CAST(NULL AS ${type}) AS of_${i}`).join(", ");
  const given = Array.from({ length: rows }, (_, at) => `SELECT ${at} AS id, 'n' AS name, ${row(at)}`);
  return [...given, `SELECT ${rows} AS id, 'n' AS name, ${nulls}`].join(" UNION ALL ");
}

const TYPED =
  "SELECT i::BIGINT AS id, 'name ' || i AS name, DATE '2024-01-01' + i::INTEGER AS seen FROM range(3) r(i)";

const KINDS: Readonly<Record<string, { readonly rows: string; readonly own: Record<string, unknown> }>> = {
  "some columns": { rows: TYPED, own: { columns: ["seen", "id"] } },
  "all columns but one": { rows: TYPED, own: { exclude: ["name"] } },
  "a filter": { rows: TYPED, own: { where: "id > 1" } },
  "a filter that no row passes": { rows: TYPED, own: { where: "id > 100" } },
  "masks": { rows: TYPED, own: { mask: { id: "hash", name: "last4", seen: "redact" } } },
  "a mask that keeps the type": { rows: TYPED, own: { mask: { id: "null", seen: "null" } } },
  "chosen columns with masks": { rows: TYPED, own: { columns: ["id", "seen"], mask: { seen: "hash" } } },
  "no rows": { rows: `SELECT * FROM (${TYPED}) WHERE false`, own: {} },
  "no rows, and masks": {
    rows: `SELECT * FROM (${TYPED}) WHERE false`,
    own: { exclude: ["name"], mask: { id: "hash" } },
  },
};

/**
 * What `check` is told of a stream is what a run stores of it. `where` is only for sources that filter,
 * and for what DuckDB reads.
 */
export function registerDescribe(fixture: Fixture): void {
  const { name } = fixture;
  const kinds = { "every type": { rows: everyType(fixture), own: {} }, ...KINDS };
  for (const [kind, { rows, own }] of Object.entries(kinds)) {
    Deno.test(`${name}: the description of a stream is what read gives: ${kind}`, async () => {
      await using bench = await Bench.start(fixture);
      await bench.load("t", rows, { loadId: "a", mode: "replace" });
      const scanned = await bench.source.scan?.(bench.stream("t"), bench.signal);
      if ("where" in own && scanned === undefined && !bench.source.pushdown.where) return;
      const addresses = [
        bench.system.stream("t"),
        ...bench.system.query === undefined ? [] : [
          bench.system.query("t"),
        ],
      ];
      for (const address of addresses) {
        const stream = { ...own, ...address };
        const described = await bench.describe(stream, MASK_SALT);
        ok(described.length > 0);
        deepStrictEqual(described, await bench.readShaped(stream, MASK_SALT));
      }
    });
  }

  Deno.test(`${name}: the description of a stream has the same Arrow schema as each batch`, async () => {
    await using bench = await Bench.start(fixture);
    await bench.load("t", everyType(fixture), { loadId: "a", mode: "replace" });
    const { source, signal } = bench;
    const whole = bench.stream("t");
    if (await source.scan?.(whole, signal) !== undefined) return;
    const chosen = { ...whole, columns: { only: ["name", "of_3"] } };
    for (const stream of source.pushdown.columns ? [whole, chosen] : [whole]) {
      const described = await source.describe(stream, signal);
      deepStrictEqual(await schemasOf(bench, stream), [fieldsOf(described.schema)]);
    }
  });
}

/** The different schemas of the stream's batches. */
async function schemasOf({ source, signal }: Bench, stream: StreamRequest): Promise<unknown[]> {
  const schemas = new Map<string, unknown>();
  for await (const message of source.read({ streams: [stream] }, signal)) {
    if (message.type !== "rows") continue;
    const fields = fieldsOf(message.batch.schema);
    schemas.set(JSON.stringify(fields), fields);
  }
  return [...schemas.values()];
}

function fieldsOf({ fields }: Schema): unknown[] {
  return fields.map(({ name, type, nullable, metadata }) => [name, String(type), nullable, [...metadata]]);
}
