import { equal, rejects } from "node:assert/strict";
import { openDatabase } from "../../../../engine/duckdb/database.ts";
import { ThreadCount } from "../../../../engine/duckdb/thread_count.ts";

Deno.test("ThreadCount leaves one thread while rows are only appended, and all as soon as anything computes", async () => {
  await using database = await openDatabase({ path: ":memory:", threads: 3, allowedDirectories: [] });
  await using session = await database.session();
  const now = async () => Number((await session.rows("SELECT current_setting('threads') AS n"))[0]?.["n"]);
  const threads = new ThreadCount(await database.session());
  const first = await threads.appending();
  const second = await threads.appending();
  equal(await now(), 1);
  const model = await threads.computing();
  equal(await now(), 3);
  await model[Symbol.asyncDispose]();
  equal(await now(), 1);
  await first[Symbol.asyncDispose]();
  equal(await now(), 1);
  await second[Symbol.asyncDispose]();
  equal(await now(), 3);
});

Deno.test("a locked database lets its number of threads and the measure of progress be changed, and no other setting", async () => {
  await using database = await openDatabase({ path: ":memory:", threads: 2, allowedDirectories: [] });
  await using session = await database.session();
  await session.run("SET GLOBAL threads = 1");
  await session.measureProgress();
  equal(session.progress(), undefined, "nothing runs");
  for (
    const setting of [
      "memory_limit = '1GB'",
      "allowed_configs = ['memory_limit']",
      "enable_external_access = true",
    ]
  ) {
    await rejects(session.run(`SET GLOBAL ${setting}`), /locked|cannot be changed|Cannot change/i, setting);
  }
});
