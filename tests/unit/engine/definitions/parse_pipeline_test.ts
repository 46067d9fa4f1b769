import assert from "node:assert/strict";
import fc from "fast-check";
import { formatFault } from "../../../../text/fault.ts";
import { modelFiles } from "../../../../engine/definitions/project/model_files.ts";
import { parseConnectors } from "../../../../engine/definitions/parse_connectors.ts";
import { parsePipeline } from "../../../../engine/definitions/parse_pipeline.ts";
import { CONNECTOR_TYPES } from "./project_fixture.ts";

const CONNECTORS = `files: { type: folder }
shop: { type: database, url: "postgres://db/shop" }
feed: { type: reader }
sink: { type: writer }
`;

async function parse(definition: string | Record<string, unknown>, models: Record<string, string> = {}) {
  const connectors = parseConnectors(CONNECTORS, CONNECTOR_TYPES);
  assert.deepEqual(connectors.faults, []);
  return await parsePipeline(
    { name: "p", path: "p.yaml", definition },
    (folder) => modelFiles(folder, new Map(Object.entries(models))),
    { connectors, connectorTypes: CONNECTOR_TYPES },
  );
}

const CASES: readonly { readonly name: string; readonly text: string; readonly faults: readonly string[] }[] =
  [
    {
      name: "an unknown key with a suggestion, at the key",
      text: "schedul: { cron: '@daily' }\n",
      faults: ["p.yaml:1:1: schedul: unknown key (did you mean schedule?)"],
    },
    {
      name: "child tables that would be tables of others",
      text: "extract:\n  a: { connector: feed, stream: a, primary_key: [id], child_tables: [b] }\n" +
        "  a__B: { connector: feed, stream: b }\n" +
        "  b: { connector: feed, stream: c, primary_key: [id], child_tables: [x, x..y] }\n",
      faults: [
        'p.yaml:2:69: extract.a.child_tables: "b" would be the table a__b, which the stream a__B is already',
        'p.yaml:4:73: extract.b.child_tables[1]: "x..y" is no path of fields, as lines or customer.addresses',
      ],
    },
    {
      name: "every unknown key of a mapping, and not the missing one that it was meant to be",
      text: "extract:\n  a:\n    conector: shop\n    sream: a\n    mode: full\n",
      faults: [
        "p.yaml:3:5: extract.a.conector: unknown key (did you mean connector?)",
      ],
    },
    {
      name: "a missing key, at the parent",
      text: "extract:\n  a:\n    stream: a\n",
      faults: ["p.yaml:2:3: extract.a: missing key connector"],
    },
    {
      name: "a word that is not among the choices, at the word",
      text: "extract:\n  a: { connector: shop, stream: a, mode: incremntal }\n",
      faults: [
        'p.yaml:2:42: extract.a.mode: expected one of full, incremental, append, cdc but got "incremntal" ' +
        "(did you mean incremental?)",
      ],
    },
    {
      name: "two addresses at once",
      text: "extract:\n  a: { connector: shop, stream: a, query: SELECT 1 }\n",
      faults: ["p.yaml:2:6: extract.a: expected exactly one of stream and query"],
    },
    {
      name: "incremental without keys",
      text: "extract:\n  a: { connector: shop, stream: a, mode: incremental }\n",
      faults: [
        "p.yaml:2:6: extract.a: mode incremental needs primary_key and update_key " +
        "(use append for a stream without a key)",
      ],
    },
    {
      name: "a list where keys belong",
      text: "extract:\n  - connector: shop\n",
      faults: ["p.yaml:2:3: extract: expected keys with values but got a list"],
    },
    {
      name: "an empty section",
      text: "extract:\nload:\n",
      faults: [
        "p.yaml:1:1: extract: has no value: give it one or leave the key out",
        "p.yaml:2:1: load: has no value: give it one or leave the key out",
      ],
    },
    {
      name: "a stream's name that cannot be a table",
      text: "extract:\n  or-ders: { connector: shop, stream: a }\n",
      faults: [
        "p.yaml:2:3: extract.or-ders: expected a letter or _, then letters, digits or _, at most 63 characters " +
        'but got "or-ders"',
      ],
    },
    {
      name: "a fault in one of several targets",
      text: "load:\n  a:\n    - { connector: shop, table: a }\n    - { connector: shop, tabel: b }\n",
      faults: [
        "p.yaml:1:1: warning: it has nothing to do: no stream, no model",
        "p.yaml:4:26: load.a[1].tabel: unknown key (did you mean table?)",
      ],
    },
    {
      name: "a fault in a single target",
      text: "load:\n  a: { connector: shop, table: a, mode: upsert }\n",
      faults: [
        'p.yaml:2:41: load.a.mode: expected one of replace, append, merge, delete_insert, scd2 but got "upsert"',
      ],
    },
    {
      name: "a target that is no target",
      text: "load: { a: shop }\n",
      faults: ['p.yaml:1:12: load.a: expected a list or keys with values but got "shop"'],
    },
    {
      name: "a duration in other words",
      text: "timeout: 5 minutes\n",
      faults: ['p.yaml:1:10: timeout: expected a duration such as 30s, 5m or 1h30m but got "5 minutes"'],
    },
    {
      name: "numbers out of range",
      text: "retry: { limit: 1000 }\nresources: { threads: 1.5 }\n",
      faults: [
        "p.yaml:1:17: retry.limit: expected at most 100 but got 1000",
        "p.yaml:2:23: resources.threads: expected a whole number but got 1.5",
      ],
    },
    {
      name: "a number that would be rounded",
      text: "params: { n: { type: integer, default: 9007199254740993 } }\n",
      faults: ["p.yaml:1:40: 9007199254740993 is too large: write it in quotes"],
    },
    {
      name: "a cron expression and a time zone",
      text: "schedule: { cron: '61 * * * *' }\nextract: { a: { connector: shop, stream: a } }\n",
      faults: ['p.yaml:1:19: schedule.cron: cron "61 * * * *" is not valid: Invalid value for minute: 61'],
    },
    {
      name: "a time zone with a slip",
      text:
        "schedule: { cron: '@daily', timezone: Europe/Pari }\nextract: { a: { connector: shop, stream: a } }\n",
      faults: [
        'p.yaml:1:39: schedule.timezone: unknown time zone "Europe/Pari" (did you mean Europe/Paris?)',
      ],
    },
    {
      name: "schedules that say nothing, too much, or what there is not",
      text: [
        "schedule:",
        "  - { timezone: UTC }",
        "  - { cron: '@daily', every: 1h }",
        "  - { cron: '@continuous' }",
        "  - { every: 500ms }",
        "  - { every: 1h, start: 2026-02-30, except: [02-29, 02-30, 12-24..2027-01-02] }",
        "  - { cron: '@daily', start: 2026-02-01, end: 2026-01-31 }",
        "  - { cron: '@daily', start: 2026-02-01, end: 2026-02-01T12:00Z, except: [12-24..01-02] }",
        "extract: { a: { connector: shop, stream: a } }",
      ].join("\n"),
      faults: [
        'p.yaml:2:5: schedule[0]: needs cron or every, as { cron: "0 2 * * *" } or { every: 6h }',
        "p.yaml:3:30: schedule[1].every: a schedule has cron or every, not both: write a list of two schedules",
        "p.yaml:4:13: schedule[2].cron: @continuous stands alone: each run is followed by the next",
        'p.yaml:5:14: schedule[3].every: every "500ms" is shorter than a second',
        'p.yaml:6:25: schedule[4].start: there is no such time as "2026-02-30"',
        'p.yaml:6:45: schedule[4].except: there is no such day as "02-30"',
        'p.yaml:6:45: schedule[4].except: "12-24..2027-01-02" needs a year with both days, or with none',
        "p.yaml:7:47: schedule[5].end: it never fires between its start and its end, on days that are left",
      ],
    },
    {
      name: "an unknown connector",
      text: "extract: { a: { connector: shp, stream: a } }\n",
      faults: ['p.yaml:1:28: extract.a.connector: unknown connector "shp" (did you mean shop?)'],
    },
    {
      name: "an address that the connector does not understand",
      text: "extract: { a: { connector: shop, path: a.csv } }\n",
      faults: [
        'p.yaml:1:34: extract.a.path: "shop" (database) does not understand path: use stream or query',
      ],
    },
    {
      name: "reading from a destination and writing to a source",
      text: "extract: { a: { connector: sink, stream: a } }\nload: { a: { connector: feed, table: a } }\n",
      faults: [
        'p.yaml:1:28: extract.a.connector: "sink" (writer) can only be written to',
        'p.yaml:2:25: load.a.connector: "feed" (reader) can only be read from',
      ],
    },
    {
      name: "a load mode and an address that the connector does not offer",
      text: "extract: { a: { connector: shop, stream: a } }\n" +
        "load: { a: { connector: files, table: a, mode: merge, primary_key: [id] } }\n",
      faults: [
        'p.yaml:2:32: load.a.table: "files" (folder) does not understand table: use path',
        'p.yaml:2:48: load.a.mode: "files" (folder) does not offer mode merge: use replace or append',
      ],
    },
    {
      name: "an option of the connector",
      text: "extract: { a: { connector: files, path: a.csv, options: { heder: true } } }\n" +
        "load: { a: { connector: files, path: out, options: { format: xlsx } } }\n",
      faults: [
        "p.yaml:1:59: extract.a.options.heder: unknown key (did you mean header?)",
        'p.yaml:2:62: load.a.options.format: expected one of csv, parquet but got "xlsx"',
      ],
    },
    {
      name: "two streams that are one table",
      text: "extract:\n  a: { connector: shop, stream: a }\n  A: { connector: shop, stream: b }\n",
      faults: ['p.yaml:3:3: extract.A: "a" and "A" would be the same table'],
    },
    {
      name: "a target twice",
      text: "extract: { a: { connector: shop, stream: a } }\nload:\n  a:\n" +
        "    - { connector: shop, table: b }\n    - { connector: shop, table: b, mode: append }\n",
      faults: ["p.yaml:5:7: load.a[1]: the same target stands here twice"],
    },
    {
      name: "a reference that would stay as it is",
      text: "extract: { a: { connector: files, path: '${env:DIR}/a.csv' } }\n",
      faults: [
        "p.yaml:1:41: warning: extract.a.path: references such as ${env:NAME} are replaced in connectors.yaml " +
        "only; here it is plain text",
      ],
    },
    {
      name: "a pipeline with nothing to do",
      text: "description: nothing yet\n",
      faults: ["p.yaml:1:1: warning: it has nothing to do: no stream, no model"],
    },
    {
      name: "a scalar document",
      text: "hello\n",
      faults: ['p.yaml:1:1: expected keys with values but got "hello"'],
    },
    {
      name: "an alias without an anchor",
      text: "extract: *nowhere\n",
      faults: [
        "p.yaml:1:10: there is no anchor &nowhere before this",
      ],
    },
  ];

for (const { name, text, faults } of CASES) {
  Deno.test(`parsePipeline() reports ${name}`, async () => {
    assert.deepEqual((await parse(text)).faults.map(formatFault), faults);
  });
}

Deno.test("parsePipeline() takes a value in place of a text", async () => {
  const good = await parse(
    { extract: { a: { connector: "shop", stream: "a" } }, load: { m: { connector: "shop", table: "t" } } },
    { "m.sql": "SELECT 1" },
  );
  assert.deepEqual(good.faults, []);
  assert.deepEqual(good.files, [{ path: "transforms/p/m.sql", content: "SELECT 1" }]);
  const bad = await parse({ timout: "1m" });
  assert.deepEqual(bad.faults.map(formatFault), [
    "p.yaml:2:3: timout: unknown key (did you mean timeout?)",
  ]);
});

Deno.test("parsePipeline() takes JSON text and anchors with merge keys", async () => {
  assert.deepEqual((await parse('{"extract": {"a": {"connector": "shop", "stream": "a"}}}')).faults, []);
  const merged = await parse(
    "extract:\n  a: &base { connector: shop, stream: a }\n  b: { <<: *base, stream: b }\n",
  );
  assert.deepEqual(merged.faults, []);
  assert.equal(merged.definition?.extract["b"]?.connector, "shop");
});

Deno.test("parsePipeline() takes null, true and numbers as keys for what is written", async () => {
  const { definition, faults, place } = await parse(
    "extract:\n  a:\n    connector: shop\n    stream: a\n    options: { null: NA, 2013: x, true: y }\n",
  );
  assert.deepEqual(definition?.extract["a"]?.options, { "null": "NA", "2013": "x", "true": "y" });
  assert.deepEqual(place(["extract", "a", "options", "2013"]), { file: "p.yaml", line: 5, column: 26 });
  assert.match(faults[0]?.message ?? "", /options\.\w+: unknown key/);
});

Deno.test("parsePipeline() does not follow aliases that multiply", async () => {
  const levels = ["a0: &a0 [x,x,x,x,x,x,x,x,x,x]"];
  for (let level = 1; level < 9; level++) {
    levels.push(`a${level}: &a${level} [${Array(10).fill(`*a${level - 1}`).join(",")}]`);
  }
  const { faults } = await parse(levels.join("\n"));
  assert.match(faults[0]?.message ?? "", /cannot resolve the aliases/);
});

Deno.test("parsePipeline() treats hostile names as names", async () => {
  const hostile = await parse(
    'extract: { "a\\"; DROP TABLE x": { connector: shop, stream: a }, __proto__: 1 }\n',
  );
  assert.equal(hostile.definition, undefined);
  assert(hostile.faults.length >= 1);
  assert.equal(Reflect.get({}, "connector"), undefined);
  const lost = await parse("extract: { constructor: { connector: shop, stream: a } }\n");
  assert.deepEqual(lost.faults.map(formatFault), [
    "p.yaml:1:1: warning: it has nothing to do: no stream, no model",
    "p.yaml:1:12: extract.constructor: this name cannot be used here",
  ]);
  const connector = await parse("extract: { a: { connector: constructor, stream: a } }\n");
  assert.match(connector.faults[0]?.message ?? "", /unknown connector "constructor"/);
});

Deno.test("parsePipeline() answers faults with places for any text and any value", async () => {
  const text = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.array(
      fc.constantFrom(
        "extract",
        "load",
        ":",
        " ",
        "\n",
        "  ",
        "- ",
        "{",
        "}",
        "[",
        "a",
        "&a",
        "*a",
        "'",
        "#",
        "\t",
      ),
    )
      .map((parts) => parts.join("")),
  );
  const key = fc.constantFrom(
    "extract",
    "load",
    "params",
    "schedule",
    "connector",
    "path",
    "a",
    "retry",
    "__proto__",
  );
  const value = fc.dictionary(
    key,
    fc.letrec((tie) => ({
      node: fc.oneof(
        { maxDepth: 4 },
        fc.jsonValue({ maxDepth: 1 }),
        fc.dictionary(key, tie("node")),
        fc.array(tie("node"), { maxLength: 3 }),
      ),
    })).node,
  );
  await fc.assert(
    fc.asyncProperty(fc.oneof(text, value), async (definition) => {
      const loaded = await parse(definition);
      for (const fault of loaded.faults) {
        assert(fault.message !== "" && fault.line !== undefined && fault.line >= 1);
      }
      assert(loaded.definition !== undefined || loaded.faults.length > 0);
    }),
    { numRuns: 300 },
  );
});

const MANY = Array.from({ length: 20_000 }, (_, n) => n);
const SOME = MANY.slice(0, 2_000);

const ENORMOUS: Readonly<Record<string, string>> = {
  "unknown keys at the top": MANY.map((n) => `key_${n}: 1\n`).join(""),
  "unknown keys of a stream": `extract:\n  a:\n    connector: shop\n    stream: a\n${
    MANY.map((n) => `    key_${n}: 1\n`).join("")
  }`,
  "streams of an unknown connector": `extract:\n${
    SOME.map((n) => `  s_${n}: { connector: shopp, stream: a }\n`).join("")
  }`,
  "streams that are no streams": `extract:\n${SOME.map((n) => `  s_${n}: 5\n`).join("")}`,
  "names that cannot be": `extract:\n${
    SOME.map((n) => `  "s ${n}": { connector: shop, stream: a }\n`).join("")
  }`,
  "twins": `extract:\n${
    SOME.map((n) => `  ${n % 2 ? "s" : "S"}_${n >> 1}: { connector: shop, stream: a }\n`).join("")
  }`,
  "the same key again": "tags: [a]\n".repeat(20_000),
  "keys of a hundred thousand letters": `${"k".repeat(100_000)}: 1\n${"l".repeat(100_000)}: 1\n`,
};

for (const [name, text] of Object.entries(ENORMOUS)) {
  Deno.test(`parsePipeline() tells a bounded number of faults: ${name}`, async () => {
    const { faults } = await parse(text);
    assert.ok(faults.some(({ severity }) => severity === "error"));
    assert.ok(faults.length <= 101, String(faults.length));
    assert.ok(JSON.stringify(faults).length < 100_000);
    if (!name.startsWith("keys of")) {
      assert.ok(faults.some(({ message }) => /^and \d+ more$/.test(message)), faults.at(-1)?.message);
    }
  });
}

Deno.test("parseConnectors() tells a bounded number of faults, and takes no connector of such a file for right", () => {
  const text = `good: { type: folder }\n${SOME.map((n) => `"c ${n}": { type: folder }\n`).join("")}`;
  const parsed = parseConnectors(text, CONNECTOR_TYPES);
  assert.deepEqual([parsed.isReadable, parsed.connectors, parsed.faults.length], [false, {}, 101]);
  const types = parseConnectors(SOME.map((n) => `c_${n}: { type: foldr }\n`).join(""), CONNECTOR_TYPES);
  assert.deepEqual([types.isReadable, types.broken.size, types.faults.length], [true, 2_000, 101]);
});

Deno.test("parsePipeline() does not begin to read a definition of megabytes", async () => {
  const { faults } = await parse("# a comment that goes on\n".repeat(50_000));
  assert.deepEqual(faults.map(formatFault), ["p.yaml:1:1: is 1.3 MB large: the limit is 1 MB"]);
});
