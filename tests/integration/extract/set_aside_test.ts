import { deepEqual, equal, match } from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { Served, step } from "../../support/served_project.ts";

const REJECTS = `SELECT position, reason, "row" FROM _sluice.rejects ORDER BY position`;

const CSV = [
  "id,amount,reason",
  "1,10,first",
  "2,ten,b",
  "3,30,c,d",
  '4,"40"x,d',
  "5,50",
  '6,60,"two\nlines"',
  "7,70.5,e",
  "",
  "8,80,",
  "9,9x,late",
  "10,100,last",
].join("\n");

Deno.test("rows of CSV that do not fit are kept aside with file, line, reason and what they hold", async () => {
  await using served = await Served.start({
    "data/a.csv": CSV,
    "data/b.csv.gz": gzipSync("id,amount,reason\n11,110,x\n12,,\n13,1e400,y\n"),
    "pipelines/one.yaml": `extract:
  orders: { connector: files, path: data/a.csv, max_rejects: 6, options: { columns: { amount: BIGINT } } }
`,
    "pipelines/strict.yaml": `extract:
  orders: { connector: files, path: data/a.csv, max_rejects: 5, options: { columns: { amount: BIGINT } } }
`,
    "pipelines/share.yaml": `extract:
  most: { connector: files, path: data/a.csv, max_rejects: 60%, options: { columns: { amount: BIGINT } } }
  few: { connector: files, path: data/a.csv, max_rejects: 5.5%, options: { columns: { amount: BIGINT } } }
`,
    "pipelines/masked.yaml": `extract:
  orders: { connector: files, path: data/a.csv, max_rejects: 9, mask: { reason: redact }, options: { columns: { amount: BIGINT } } }
`,
    "pipelines/many.yaml": `extract:
  orders: { connector: files, path: "data/*", max_rejects: 99, where: "amount > 50 AND reason <> 'e'",
    rename: { amount: cents }, options: { columns: { amount: BIGINT }, filename: true, compression: none } }
`,
  });
  const run = await served.succeed("one");
  deepEqual([step(run, "extract:orders").rows, step(run, "extract:orders").rejects], [4, 6]);
  deepEqual(await served.warehouse("one", "SELECT id, amount, reason FROM raw.orders ORDER BY id"), [
    ["1", "10", "first"],
    ["6", "60", "two\nlines"],
    ["8", "80", "null"],
    ["10", "100", "last"],
  ]);
  deepEqual(await served.warehouse("one", REJECTS), [
    [
      "data/a.csv line 12",
      'column "amount" is "9x", expected BIGINT',
      '{"id":"9","amount":"9x","reason":"late"}',
    ],
    [
      "data/a.csv line 3",
      'column "amount" is "ten", expected BIGINT',
      '{"id":"2","amount":"ten","reason":"b"}',
    ],
    ["data/a.csv line 4", "it has 4 values, expected 3", '["3","30","c","d"]'],
    [
      "data/a.csv line 5",
      "there is text after a closing quote; double a quote that is part of a value, set " +
      'options.skip_initial_space: true where it is a blank, or options.quote: "" where quotes are plain text',
      '"4,\\"40\\"x,d"',
    ],
    ["data/a.csv line 6", "it has 2 values, expected 3", '["5","50"]'],
    [
      "data/a.csv line 9",
      'column "amount" is "70.5", expected BIGINT',
      '{"id":"7","amount":"70.5","reason":"e"}',
    ],
  ]);

  const strict = await served.runToEnd("strict");
  equal(strict.state, "failed");
  match(
    strict.error?.message ?? "",
    /Stream "orders": data\/a.csv line \d+: .*\(and 5 rows before it; max_rejects is 5\)/,
  );
  deepEqual(await served.warehouse("strict", REJECTS), [], "nothing of a read that failed is kept");

  const share = await served.runToEnd("share");
  equal(step(share, "extract:most").rejects, 6);
  match(step(share, "extract:few").error?.message ?? "", /6 of 10 rows do not fit \(max_rejects is 5.5%\)/);

  await served.succeed("masked");
  deepEqual(
    await served.warehouse("masked", `SELECT DISTINCT reason, "row" FROM _sluice.rejects`),
    [["a row does not fit (the stream masks values, so no more is told)", "null"]],
  );
});

Deno.test("a stream keeps its rejects until it is read again, and a condition leaves out rows it would not have read", async () => {
  await using served = await Served.start({
    "a.csv": "id,amount,kind\n1,10,x\n2,ten,x\n3,ten,y\n4,40,y\n",
    "b.csv.gz": gzipSync("id,amount,kind\n5,50,x\n6,six,x\n"),
    "pipelines/p.yaml": `extract:
  full: { connector: files, path: a.csv, max_rejects: 9, where: "kind = 'x'", rename: { amount: cents },
    options: { columns: { amount: BIGINT }, filename: true } }
  inc: { connector: files, path: a.csv, max_rejects: 9, mode: incremental, primary_key: [id], update_key: id,
    options: { columns: { amount: BIGINT } } }
  zipped: { connector: files, path: b.csv.gz, max_rejects: 1, options: { columns: { amount: BIGINT } } }
`,
  });
  await served.succeed("p");
  const rejects = () =>
    served.warehouse("p", "SELECT stream, position FROM _sluice.rejects ORDER BY stream, position");
  const found = [
    ["full", "a.csv line 3"],
    ["inc", "a.csv line 3"],
    ["inc", "a.csv line 4"],
    ["zipped", "b.csv.gz line 3"],
  ];
  deepEqual(await rejects(), found);
  deepEqual(await served.warehouse("p", "SELECT id, cents, filename FROM raw.full"), [["1", "10", "a.csv"]]);
  const again = await served.succeed("p");
  equal(step(again, "extract:inc").rejects, 0, "rows before the cursor were judged before");
  deepEqual(await rejects(), found, "none is kept twice");
  await Deno.writeTextFile(
    `${served.project.projectDir}/a.csv`,
    "id,amount,kind\n1,10,x\n2,20,x\n3,30,y\n4,40,y\n5,five,x\n",
  );
  await served.succeed("p");
  deepEqual(await rejects(), [
    ["full", "a.csv line 6"],
    ["inc", "a.csv line 3"],
    ["inc", "a.csv line 4"],
    ["inc", "a.csv line 6"],
    ["zipped", "b.csv.gz line 3"],
  ]);
});

Deno.test("lines of NDJSON that are no records, and values that have another type than was given, are kept aside", async () => {
  const lines = [
    '{"id": 1, "amount": 10, "tags": ["1", "2"], "at": 1.10}',
    '{"id": 2, "amount": "ten", "tags": [3], "at": 2}',
    '{"id": 3, "amount": 5, "tags": ["x"], "more": {"a": 1}',
    "not json at all",
    '{"id": 4, "amount": 4.0, "tags": [1, "y"]}',
    "",
    '{"id": 5, "tags": null}',
    "{}",
    '{"id": 6, "amount": "6", "tags": [7]} {"id": 7}',
    '{"id": 8, "broken": "half',
  ];
  const options = 'options: { columns: { amount: BIGINT, tags: "INTEGER[]" } }';
  await using served = await Served.start({
    "a.ndjson": lines.join("\n"),
    "b.json": '[{"id": 1, "amount": "x"}, {"id": 2, "amount": 2}]',
    "pipelines/p.yaml": `extract:
  lines: { connector: files, path: a.ndjson, max_rejects: 5, ${options} }
  array: { connector: files, path: b.json, max_rejects: 1, options: { columns: { amount: BIGINT } } }
`,
    "pipelines/strict.yaml":
      `extract: { lines: { connector: files, path: a.ndjson, max_rejects: 4, ${options} } }\n`,
  });
  const run = await served.succeed("p");
  deepEqual(run.steps.map(({ name, rows, rejects }) => [name, rows, rejects]), [
    ["extract:lines", 5, 5],
    ["extract:array", 1, 1],
  ]);
  deepEqual(
    await served.warehouse("p", 'SELECT id, amount, tags, "at" FROM raw.lines ORDER BY id NULLS FIRST'),
    [
      ["null", "null", "null", "null"],
      ["1", "10", "[1, 2]", "1.1"],
      ["5", "null", "null", "null"],
      ["6", "6", "[7]", "null"],
      ["7", "null", "null", "null"],
    ].map((row) => row.map(String)),
  );
  const kept = await served.warehouse("p", `${REJECTS.replace("ORDER", "WHERE stream = 'lines' ORDER")}`);
  deepEqual(kept.map(([position, reason]) => [position, reason]), [
    ["a.ndjson line 10", "expected a closing quote, found the end of the file"],
    ["a.ndjson line 2", 'column "amount" is "ten", expected BIGINT'],
    ["a.ndjson line 3", "expected a comma or a closing brace, found not"],
    ["a.ndjson line 4", "expected an object, found not"],
    [
      "a.ndjson line 5",
      'column "amount" is "4.0", expected BIGINT; column "tags" is "[1,"y"]", expected INTEGER[]',
    ],
  ]);
  deepEqual(kept[1]?.[2], '{"id": 2, "amount": "ten", "tags": [3], "at": 2}');
  deepEqual(kept[3]?.[2], '"not json at all"');
  deepEqual(
    await served.warehouse("p", `${REJECTS.replace("ORDER", "WHERE stream = 'array' ORDER")}`),
    [["b.json line 1", 'column "amount" is "x", expected BIGINT', '{"id": 1, "amount": "x"}']],
  );
  match((await served.runToEnd("strict")).error?.message ?? "", /max_rejects is 4/);
});
