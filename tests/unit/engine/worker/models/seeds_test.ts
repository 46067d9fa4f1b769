import { deepEqual, equal, match, throws } from "node:assert/strict";
import { AppError } from "../../../../../contract/errors.ts";
import { formatFault } from "../../../../../text/fault.ts";
import { seedFaults } from "../../../../../engine/worker/models/seeds/check_seeds.ts";
import { readSeed } from "../../../../../engine/worker/models/seeds/read_seed.ts";
import { readModels } from "../../../../../sql/language/files/read_models.ts";
import { compile } from "../../../../../sql/compile/compile.ts";
import { withSession } from "../../../sql/fixtures.ts";
import { type Attempt, JobProject, statesOf } from "../job_fixture.ts";

const filesOf = (files: Readonly<Record<string, string>>) =>
  Object.entries(files).map(([path, content]) => ({ path, content }));

const NO_STREAM = {
  read: () => {
    throw new Error("no stream");
  },
};

/** What a check has against the files. */
async function faultsOf(files: Readonly<Record<string, string>>): Promise<string[]> {
  return await withSession(async (session) => {
    const { faults, ...set } = readModels(filesOf(files), readSeed);
    const compiled = await compile(session, { ...set, streams: {}, params: {}, loads: [] });
    const all = [...faults, ...compiled.faults, ...await seedFaults(session, set.models)];
    return all.map((fault) =>
      "path" in fault ? `${fault.path.join(".")}: ${fault.message}` : formatFault(fault)
    );
  });
}

Deno.test("a seed's values stay what they are, in the narrowest types that hold them", async () => {
  const csv = '\uFEFFcode,zip,n,big,ratio,day,at,flag,note,"Order, nr"\r\n' +
    'DE,01234,1,9223372036854775808,0.5,2024-02-29,2024-02-29 10:00:00,true,"a ""b""",1\r\n' +
    '"FR",00001,,2,1e3,2024-03-01,2024-03-01T11:00:00,FALSE,"",2\r\n' +
    '\r\nIT,1e5,-3,3,-0.25,,,,"two\nlines",3';
  await withSession(async (session) => {
    const { sql } = readSeed({ path: "seeds/s.csv", content: csv }, {});
    const columns = await session.describe(sql);
    deepEqual(columns.map(({ name, type }) => `${name} ${type}`), [
      "code VARCHAR",
      "zip VARCHAR",
      "n BIGINT",
      "big HUGEINT",
      "ratio DOUBLE",
      "day DATE",
      "at TIMESTAMP",
      "flag BOOLEAN",
      "note VARCHAR",
      "Order, nr BIGINT",
    ]);
    const rows = await session.rows(`SELECT zip, n, big::VARCHAR AS big, ratio, flag, note FROM (${sql})`);
    deepEqual(rows, [
      { zip: "01234", n: 1, big: "9223372036854775808", ratio: 0.5, flag: true, note: 'a "b"' },
      { zip: "00001", n: null, big: "2", ratio: 1000, flag: false, note: "" },
      { zip: "1e5", n: -3, big: "3", ratio: -0.25, flag: null, note: "two\nlines" },
    ]);
  });
});

for (
  const [what, csv, expected] of [
    [
      "a pointer",
      "version https://git-lfs.github.com/spec/v1\noid sha256:0\n",
      "1:1: it is a pointer of git LFS",
    ],
    ["an empty file", "", "1:1: the file is empty"],
    ["a short line", "a,b\n1,2\n3\n", "3:1: 1 values, but the first line names 2 columns"],
    ["a long line behind a value of two lines", 'a,b\n"x\ny",2\n1,2,3\n', "4:1: 3 values, but"],
    ["a quote without an end", 'a,b\n1,"2\n', "2:1: a quoted value has no end"],
    ["text behind a quote", 'a\n"x"y\n', "2:1: text stands behind a closing quote"],
    ["a column twice", "a,A\n1,2\n", '1:1: a second column "A"'],
    ["a column without a name", "a,\n1,2\n", "1:1: column 2 has no name"],
    ["semicolons", "a;b\n1;2\n", '1:1: the columns are separated by ";"'],
  ] as const
) {
  Deno.test(`readSeed() tells the line of ${what}`, () => {
    throws(() => readSeed({ path: "seeds/s.csv", content: csv }, {}), (error) => {
      const [first] = error instanceof AppError ? error.faults : [];
      const text = first === undefined ? "" : formatFault(first).replace(/^seeds\/s\.csv:/, "");
      equal(text.startsWith(expected) ? expected : text, expected);
      return true;
    });
  });
}

Deno.test("types that a seed's YAML gives are checked against every value", async () => {
  const faults = await faultsOf({
    "seeds/s.csv": "id,day,price\n1,2024-01-01,1.10\n1.5,2024-13-01,2\nx,,3.333\n",
    "seeds/s.yaml": `columns:
  id: { type: INTEGER, checks: [unique] }
  day: { type: DATE }
  price: { type: "DECIMAL(9,2)" }
  gone: {}
`,
    "transforms/p/m.sql": "SELECT id + 1 AS n, price * 2 AS p FROM s",
  });
  deepEqual(faults, [
    "seeds/s.yaml:5:3: the query has no column gone",
    'seeds/s.csv:3:1: column id: "1.5" is no INTEGER',
    'seeds/s.csv:4:1: column id: "x" is no INTEGER',
    'seeds/s.csv:3:1: column day: "2024-13-01" is no DATE',
    'seeds/s.csv:4:1: column price: "3.333" is no DECIMAL(9,2)',
  ]);
});

Deno.test("what is wrong with a seed's YAML or its types stands there", async () => {
  const faults = await faultsOf({
    "seeds/s.csv": "id\n1\n",
    "seeds/s.yaml": "materialized: view\n",
    "seeds/t.csv": "id\n1\n",
    "seeds/t.yaml": "columns:\n  id: { type: \"INTEGER) FROM read_text('x'\" }\n",
    "seeds/u.csv": "id\n1\n",
    "seeds/u.yaml": "checks: [{ sql: SELECT nope FROM u }]\n",
  });
  match(faults[0] ?? "", /^seeds\/s\.yaml:1:1: materialized: unknown key/);
  equal(faults.some((fault) => fault.startsWith("seeds/t.")), true, faults.join("\n"));
  equal(faults.some((fault) => /^seeds\/u\.yaml:1:\d+: .*nope/.test(fault)), true, faults.join("\n"));
});

class Runs implements AsyncDisposable {
  readonly project: JobProject;
  #count = 0;

  private constructor(project: JobProject) {
    this.project = project;
  }

  static async create(): Promise<Runs> {
    return new Runs(await JobProject.create());
  }

  async run(files: Readonly<Record<string, string>>, fullRefresh = false): Promise<Attempt> {
    this.#count += 1;
    const attempt = await this.project.attempt(NO_STREAM, {}, {}, {
      runId: `run${this.#count}`,
      files: filesOf(files),
      fullRefresh,
    });
    return attempt;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.project[Symbol.asyncDispose]();
  }
}

const FILES = {
  "seeds/countries.csv": "code,name\nDE,Germany\nFR,France\n",
  "seeds/countries.yaml": "columns: { code: { checks: [unique] } }\n",
  "seeds/name.csv": "x\n1\n",
  "transforms/p/named.sql": "SELECT name FROM countries ORDER BY code",
};

Deno.test("a run builds a seed that is read, and again only where it has changed", async () => {
  await using runs = await Runs.create();
  const first = await runs.run(FILES);
  equal(first.error, undefined, String(first.error));
  // name is a column here, and no table.
  deepEqual(statesOf(first), {
    "model:countries": "succeeded",
    "check:countries.unique_code": "succeeded",
    "model:named": "succeeded",
  });
  equal(first.steps.get("model:countries")?.rows, 2);
  equal(first.steps.get("model:countries")?.sql, "-- the rows of seeds/countries.csv");
  const builtAt = async () =>
    (await runs.project.rows("SELECT run_id FROM _sluice.models WHERE model = 'countries'"))[0]?.["run_id"];
  equal((await runs.run(FILES)).error, undefined);
  equal(await builtAt(), "run1");
  const changed = { ...FILES, "seeds/countries.csv": `${FILES["seeds/countries.csv"]}IT,Italy\n` };
  equal((await runs.run(changed)).steps.get("model:countries")?.rows, 3);
  equal(await builtAt(), "run3");
  equal((await runs.run(changed, true)).error, undefined);
  equal(await builtAt(), "run4");
  deepEqual(await runs.project.rows("FROM named"), [{ name: "Germany" }, { name: "France" }, {
    name: "Italy",
  }]);
});

Deno.test("a run fails before a value of a seed would change", async () => {
  await using runs = await Runs.create();
  const { error } = await runs.run({
    "seeds/s.csv": "n\n1\n1.5\n",
    "seeds/s.yaml": "columns: { n: { type: INTEGER } }\n",
    "transforms/p/m.sql": "SELECT * FROM s",
  });
  match(String(error), /seeds\/s\.csv/);
});
