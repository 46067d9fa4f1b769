import { deepEqual, equal, throws } from "node:assert/strict";
import {
  findEntry,
  parseCatalog,
  type Selection,
  selectStream,
} from "../../../../connectors/singer/tap/catalog.ts";
import { byteLines, LineTooLong } from "../../../../connectors/singer/command/byte_lines.ts";
import { lineBlocks } from "../../../../connectors/singer/command/line_blocks.ts";

const CATALOG = parseCatalog({
  streams: [
    {
      tap_stream_id: "db-orders",
      stream: "orders",
      key_properties: ["id"],
      schema: { properties: { id: {}, name: {}, secret: {}, at: {} } },
      metadata: [
        { breadcrumb: [], metadata: { "replication-method": "FULL_TABLE", "table-key-properties": [] } },
        { breadcrumb: ["properties", "id"], metadata: { inclusion: "automatic" } },
      ],
    },
    { stream: "lines", schema: {}, replication_key: "seq", replication_method: "INCREMENTAL" },
  ],
}, "it");

const NOTHING: Selection = { columns: undefined, needed: [], replicationKey: undefined, method: undefined };

/** The streams of the catalog that a tap gets. */
function selected(stream: string, selection: Partial<Selection>): Record<string, never>[] {
  const text = selectStream(CATALOG, findEntry(CATALOG, stream, "it"), { ...NOTHING, ...selection });
  return JSON.parse(text).streams;
}

const metadataOf = (entry: Record<string, never> | undefined, ...place: string[]): unknown => {
  const list: { breadcrumb: string[]; metadata: unknown }[] = entry?.["metadata"] ?? [];
  return list.find(({ breadcrumb }) => breadcrumb.join() === place.join())?.metadata;
};

Deno.test("findEntry() takes a stream by its id, or by its name", () => {
  equal(findEntry(CATALOG, "db-orders", "it").id, "db-orders");
  equal(findEntry(CATALOG, "orders", "it").id, "db-orders");
  deepEqual(findEntry(CATALOG, "orders", "it").primaryKey, ["id"]);
  throws(() => findEntry(CATALOG, "x", "it"), /it has no stream "x" \(it has db-orders, lines\)/);
});

Deno.test("selectStream() selects one stream and the columns that are asked for", () => {
  const [orders, lines] = selected("orders", {
    columns: { except: ["SECRET", "at", "id"] },
    needed: ["at"],
    replicationKey: "at",
    method: "INCREMENTAL",
  });
  deepEqual(metadataOf(orders), {
    "replication-method": "INCREMENTAL",
    "table-key-properties": [],
    selected: true,
    "replication-key": "at",
  });
  deepEqual([orders?.["replication_method"], orders?.["replication_key"], orders?.["selected"]], [
    "INCREMENTAL",
    "at",
    true,
  ]);
  deepEqual(
    ["id", "name", "secret", "at"].map((name) => metadataOf(orders, "properties", name)),
    [{ inclusion: "automatic", selected: true }, { selected: true }, { selected: false }, { selected: true }],
  );
  deepEqual(metadataOf(lines), { selected: false });
});

Deno.test("selectStream() leaves a tap's own replication key", () => {
  const [, lines] = selected("lines", { replicationKey: "at", method: "INCREMENTAL" });
  deepEqual(metadataOf(lines), {
    selected: true,
    "replication-method": "INCREMENTAL",
    "replication-key": "seq",
  });
});

async function* pieces(...texts: string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield await Promise.resolve(new TextEncoder().encode(text));
}

Deno.test("byteLines() puts lines together from pieces, and bounds them", async () => {
  const read = async (max: number, isCut: boolean, ...texts: string[]) =>
    (await Array.fromAsync(byteLines(pieces(...texts), max, isCut))).map((line) =>
      new TextDecoder().decode(line)
    );
  deepEqual(await read(9, false, "a", "b\nc\n\nde", "f\n", "g"), ["ab", "c", "", "def", "g"]);
  deepEqual(await read(3, true, "abcde", "f\nxyz\n12345"), ["abc", "xyz", "123"]);
  const failure = await read(3, false, "abc\nab", "cd\n").catch((error) => error);
  equal(failure instanceof LineTooLong && failure.line, 2);
});

Deno.test("lineBlocks() gives whole lines as they come, and bounds them", async () => {
  const read = async (max: number, ...texts: string[]) => {
    const blocks: string[] = [];
    for await (const block of lineBlocks(pieces(...texts), max)) blocks.push(new TextDecoder().decode(block));
    return blocks;
  };
  deepEqual(await read(9, "a", "b\nc\n\nde", "f\n", "g"), ["ab\nc\n\n", "def\n", "g"]);
  const long = `${"x".repeat(300_000)}\n`;
  deepEqual(await read(400_000, long.slice(0, 100_000), long.slice(100_000), "y\n"), [long, "y\n"]);
  const failure = await read(3, "abc\nab", "cd\n", "abcd").catch((error) => error);
  equal(failure instanceof LineTooLong && failure.line, 1);
});
