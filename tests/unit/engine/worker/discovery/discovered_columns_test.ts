import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { file } from "../../../../../connectors/files/connector.ts";
import { parseStream } from "../../../../../connectors/parse.ts";
import type { Connection } from "../../../../../contract/connector/connector.ts";
import type { DiscoveredStream } from "../../../../../contract/connector/source.ts";
import type { StreamDefinition } from "../../../../../contract/pipeline/stream.ts";
import { openDatabase } from "../../../../../engine/duckdb/database.ts";
import { DiscoveredColumns } from "../../../../../engine/worker/discovery/discovered_columns.ts";
import { StreamShape } from "../../../../../engine/worker/extract/stream_shape.ts";
import { connectorContext, never } from "../../../../support/connections.ts";
import { FakeClock } from "../../../../support/fake_clock.ts";

interface Looked {
  readonly found: readonly DiscoveredStream[];
  readonly logged: readonly string[];
}

/** Discovers the files as a discovery does; `onStream` runs before each is looked at. */
async function look(
  files: Readonly<Record<string, string>>,
  onStream: (clock: FakeClock, name: string) => Promise<void> = () => Promise.resolve(),
): Promise<Looked> {
  const folder = await Deno.makeTempDir({ prefix: "sluice-discovered-" });
  try {
    for (const [name, text] of Object.entries(files)) await Deno.writeTextFile(`${folder}/${name}`, text);
    await using connection = await file.open({}, connectorContext(folder));
    const { source }: Connection = connection;
    if (source === undefined) throw new Error("expected a source");
    await using database = await openDatabase({ path: ":memory:", allowedDirectories: [folder] });
    await using session = await database.session();
    const clock = new FakeClock(0);
    const logged: string[] = [];
    const columns = new DiscoveredColumns({
      session,
      connections: {
        source: (name: string, stream: StreamDefinition) =>
          Promise.resolve({ source, request: { name, address: parseStream(file, name, stream) } }),
        shape: (name: string, stream: StreamDefinition) =>
          Promise.resolve(new StreamShape(name, stream, undefined)),
      },
      connector: "files",
      signal: never(),
      clock,
      log: (_level, message) => void logged.push(message),
    });
    const found: DiscoveredStream[] = [];
    for await (const stream of source.discover?.(never()) ?? []) {
      await onStream(clock, stream.name);
      found.push(await columns.complete(stream));
    }
    columns.end();
    return { found, logged };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("discovered files get the columns that a run would find", async () => {
  const { found, logged } = await look({
    "a.csv": "id,on\n1,2024-01-01\n",
    "b.ndjson": '{"id": 1, "tags": ["x"]}\n',
  });
  deepStrictEqual(
    found.map(({ name, columns }) => [name, columns.map((column) => [column.name, column.type])]),
    [
      ["a.csv", [["id", "BIGINT"], ["on", "DATE"]]],
      ["b.ndjson", [["id", "BIGINT"], ["tags", "VARCHAR[]"]]],
    ],
  );
  deepStrictEqual(logged, []);
});

Deno.test("a discovered file that cannot be read is there without columns, and the log says why", async () => {
  const { found, logged } = await look({ "a.csv": "id,name\n1\n", "b.ndjson": '{"id": 1}\n' });
  deepStrictEqual(found.map(({ name, columns }) => [name, columns.length]), [["a.csv", 0], ["b.ndjson", 1]]);
  strictEqual(logged.length, 1);
  match(logged[0] ?? "", /no columns of "a\.csv": .*line 2.*expected 2/);
});

Deno.test("files whose turn comes after the time for all of them have no columns", async () => {
  const { found, logged } = await look(
    { "a.csv": "id\n1\n", "b.ndjson": '{"id": 1}\n', "c.tsv": "id\n1\n" },
    async (clock, name) => {
      if (name === "c.tsv") await clock.advance(6_000);
    },
  );
  deepStrictEqual(found.map(({ columns }) => columns.length), [1, 1, 0]);
  match(logged[0] ?? "", /columns of 1 file were not looked at/);
});
