import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { dirname, join } from "node:path";
import { linesOf } from "../../../contract/jobs/job_lines.ts";
import { onTerminal } from "../../support/pty.ts";
import { sluiceArgs } from "../../support/sluice_server.ts";
import { TestProject } from "../../support/test_project.ts";

const DAILY = "transforms/shop/daily.sql";
const FILES = {
  "connectors.yaml": "files: { type: file }\n",
  "data/orders.csv": "id,day,amount\n1,2026-01-01,3\n",
  "pipelines/shop.yaml":
    "extract:\n  orders: { connector: files, path: data/orders.csv }\nload:\n  weekly: { connector: files, path: out/weekly.csv }\n",
  [DAILY]: "SELECT day, sum(amount) AS total FROM raw.orders GROUP BY day",
  "transforms/shop/weekly.sql":
    "SELECT date_trunc('week', day) AS week, sum(total) AS total FROM daily GROUP BY 1",
  "transforms/shop/other.sql": "SELECT twice(1) AS x",
  "macros/twice.sql": "CREATE MACRO twice(x) AS x * 2;",
  "tests/daily.yaml":
    "- name: sums\n  model: shop.daily\n  given:\n    raw.orders: [{ day: 2026-01-01, amount: 1 }, { day: 2026-01-01, amount: 2 }]\n  expect: [{ day: 2026-01-01, total: 3 }]\n",
};

interface Line {
  readonly type: string;
  readonly files?: readonly string[];
  readonly appeared?: readonly { readonly file: string; readonly line?: number; readonly message: string }[];
  readonly gone?: readonly { readonly file: string }[];
  readonly tables?: readonly { readonly table: string; readonly change: string; readonly columns: unknown }[];
  readonly affected?: readonly { readonly step: string }[];
  readonly tests?: readonly { readonly name: string; readonly state: string }[];
  readonly columns?: readonly { readonly name: string }[];
  readonly rows?: readonly (readonly (string | null)[])[];
  readonly errors?: number;
  readonly message?: string;
}

/** A `sluice dev` at work; one that says nothing more for long is killed, so that its test fails. */
class Dev implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #lines: AsyncIterator<string>;
  readonly #deadline: ReturnType<typeof setTimeout>;

  constructor(project: TestProject, ...args: readonly string[]) {
    this.#child = new Deno.Command(Deno.execPath(), {
      args: sluiceArgs("dev", ...args, "--project", project.projectDir, "--data", project.dataDir),
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    this.#lines = linesOf(this.#child.stdout)[Symbol.asyncIterator]();
    this.#deadline = setTimeout(() => this.#child.kill("SIGKILL"), 90_000);
  }

  async line(): Promise<Line> {
    const { value, done } = await this.#lines.next();
    ok(done !== true, "sluice dev ended");
    return JSON.parse(value);
  }

  /** The next line of the type, with those before it read over. */
  async next(type: string): Promise<Line> {
    for (;;) {
      const line = await this.line();
      if (line.type === type) return line;
    }
  }

  async type(text: string): Promise<void> {
    const writer = this.#child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(text));
    writer.releaseLock();
  }

  async interrupt(): Promise<number> {
    this.#child.kill("SIGINT");
    return (await this.#child.status).code;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It has ended.
    }
    await this.#child.stdin.abort().catch(() => {});
    await this.#child.status;
    await this.#lines.return?.();
    clearTimeout(this.#deadline);
  }
}

Deno.test("sluice dev says what each save changes", async (t) => {
  await using project = await TestProject.create(FILES);
  await using dev = new Dev(project, "--json", "--test", "--preview", "shop.daily");
  const at = (path: string) => join(project.projectDir, path);
  const stepsOf = ({ affected = [] }: Line) => affected.map(({ step }) => step);

  await t.step("at first: what is there", async () => {
    const { type, errors } = await dev.line();
    deepStrictEqual([type, errors], ["checked", 0]);
    const { tests } = await dev.next("tested");
    deepStrictEqual(tests?.map(({ name, state }) => [name, state]), [["sums", "passed"]]);
    ok((await dev.next("failed")).message?.includes("There are no rows yet"));
    const ran = await project.sluice("run", ["shop", "--quiet"]);
    strictEqual(ran.code, 0, ran.stderr);
  });

  await t.step("a fault, at its place, and who reads the model", async () => {
    await project.write({ [DAILY]: "SELECT dai, sum(amount) AS total FROM raw.orders GROUP BY dai" });
    const line = await dev.next("changed");
    deepStrictEqual(line.files, [DAILY]);
    deepStrictEqual([line.appeared?.[0]?.file, line.appeared?.[0]?.line], [DAILY, 1]);
    deepStrictEqual(line.tables?.map(({ table, change }) => [table, change]), [["daily", "changed"]]);
    deepStrictEqual(stepsOf(line), ["model:weekly", "load:weekly→files"]);
    const { tests } = await dev.next("tested");
    deepStrictEqual(tests?.map(({ state }) => state), ["error"]);
  });

  await t.step("an editor that saves by a rename: the fault is gone, the columns are others", async () => {
    await Deno.writeTextFile(
      at(`${DAILY}.new`),
      "SELECT day, sum(amount)::BIGINT + 1 AS total, 'x' AS more FROM raw.orders GROUP BY day",
    );
    await Deno.rename(at(`${DAILY}.new`), at(DAILY));
    const line = await dev.next("changed");
    deepStrictEqual(line.gone?.map(({ file }) => file), [DAILY]);
    deepStrictEqual(line.tables?.find(({ table }) => table === "daily")?.columns, {
      added: [{ name: "more", type: "VARCHAR" }],
      removed: [],
      retyped: [{ name: "total", from: "HUGEINT", to: "BIGINT" }],
    });
    strictEqual(line.errors, 0);
    strictEqual((await dev.next("tested")).tests?.[0]?.state, "failed");
    // By the SQL that was just saved, over the rows of the run.
    const { columns, rows } = await dev.next("previewed");
    deepStrictEqual(columns?.map(({ name }) => name), ["day", "total", "more"]);
    deepStrictEqual(rows, [["2026-01-01", "4", "x"]]);
  });

  await t.step("many files at once, as of a checkout, are one change or few", async () => {
    const models = Array.from({ length: 60 }, (_, n) => [`transforms/shop/new/m${n}.sql`, "SELECT 1 AS x"]);
    await project.write({ ...Object.fromEntries(models), [DAILY]: FILES[DAILY] });
    const added = new Set<string>();
    while (added.size < 60) {
      for (const { table, change } of (await dev.next("changed")).tables ?? []) {
        if (change === "added") added.add(table);
      }
    }
  });

  await t.step("a folder that goes away and comes back", async () => {
    await Deno.rename(at("transforms/shop/new"), join(project.folder, "away"));
    const removed = new Set<string>();
    while (removed.size < 60) {
      for (const { table, change } of (await dev.next("changed")).tables ?? []) {
        if (change === "removed") removed.add(table);
      }
    }
    await Deno.remove(join(project.folder, "away"), { recursive: true });
    await Deno.remove(dirname(at("macros/twice.sql")), { recursive: true });
    const line = await dev.next("changed");
    deepStrictEqual(line.appeared?.map(({ file }) => file), ["transforms/shop/other.sql"]);
    await project.write({ "macros/twice.sql": FILES["macros/twice.sql"] });
    deepStrictEqual((await dev.next("changed")).gone?.map(({ file }) => file), ["transforms/shop/other.sql"]);
  });

  await t.step("the project itself", async () => {
    await Deno.rename(project.projectDir, `${project.projectDir}.away`);
    ok((await dev.next("failed")).message?.includes("does not exist"));
    await Deno.rename(`${project.projectDir}.away`, project.projectDir);
    await project.write({ "transforms/shop/last.sql": "SELECT 1 AS x" });
    for (;;) {
      const { tables, errors } = await dev.next("changed");
      strictEqual(errors, 0);
      if (tables?.some(({ table }) => table === "last") === true) break;
    }
  });

  await t.step("a source that has other columns is asked again by a line r", async () => {
    await project.write({ "data/orders.csv": "id,day,amount,note\n1,2026-01-01,3,x\n" });
    await dev.type("what\nr\n");
    const line = await dev.next("changed");
    deepStrictEqual(line.files, []);
    deepStrictEqual(line.tables?.map(({ table, change }) => `${table} ${change}`), ["raw.orders changed"]);
  });

  await t.step("Ctrl-C ends it", async () => strictEqual(await dev.interrupt(), 0));
});

Deno.test("sluice dev takes keys on a terminal, which is as it was at the end", async () => {
  await using project = await TestProject.create(FILES);
  const { code, seen } = await onTerminal(
    [
      "sh",
      "-c",
      '"$@"; echo "ended with $?"; stty -a',
      "sh",
      Deno.execPath(),
      ...sluiceArgs("dev", "--project", project.projectDir, "--data", project.dataDir),
    ],
    [
      ["", "r asks the sources again"],
      ["r", "The sources were asked again.*no errors"],
      ["q", "ended with 0.* icanon .* echo "],
    ],
  );
  strictEqual(code, 0, seen);
});
