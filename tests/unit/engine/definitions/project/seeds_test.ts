import assert from "node:assert/strict";
import { connectors } from "../../../../../connectors/registry.ts";
import { loadProject } from "../../../../../engine/definitions/load.ts";
import { formatFault } from "../../../../../text/fault.ts";
import { ProjectFixture } from "../project_fixture.ts";

async function load(files: Readonly<Record<string, string>>) {
  await using project = await ProjectFixture.create(files);
  const { pipelines, faults } = await loadProject(project.dir, { connectorTypes: connectors });
  const paths = Object.fromEntries(pipelines.map(({ name, files }) => [name, files.map(({ path }) => path)]));
  return { paths, faults: [...faults, ...pipelines.flatMap((one) => one.faults)].map(formatFault) };
}

Deno.test("a pipeline has the seeds that its models, macros, checks and loads name", async () => {
  const { paths, faults } = await load({
    "connectors.yaml": "files: { type: file, root: . }\n",
    "pipelines/a.yaml": "load: { loaded: { connector: files, path: out.csv } }",
    "pipelines/b.yaml": "{}",
    "transforms/a/m.sql":
      "/* @sluice\nchecks: [{ sql: SELECT * FROM checked }]\n*/ SELECT * FROM main.Read JOIN through()",
    "transforms/b/read.sql": "SELECT 1 AS x",
    "macros/m.sql": "CREATE MACRO through() AS TABLE SELECT * FROM called",
    "seeds/geo/read.csv": "x\n1\n",
    "seeds/geo/read.yml": "description: them",
    "seeds/checked.csv": "x\n1\n",
    "seeds/called.csv": "x\n1\n",
    "seeds/loaded.csv": "x\n1\n",
    "seeds/unused.csv": "unused\n1\n",
  });
  assert.deepEqual(faults, [
    "seeds/unused.csv:1:1: warning: no pipeline of the project names the seed unused",
  ]);
  assert.deepEqual(paths["a"]?.toSorted(), [
    "macros/m.sql",
    "seeds/called.csv",
    "seeds/checked.csv",
    "seeds/geo/read.csv",
    "seeds/geo/read.yml",
    "seeds/loaded.csv",
    "transforms/a/m.sql",
  ]);
  // A model of its own goes before a seed.
  assert.deepEqual(paths["b"], ["transforms/b/read.sql"]);
});

Deno.test("files of seeds/ that cannot be seeds are told", async () => {
  const { faults } = await load({
    "pipelines/a.yaml": "{}",
    "transforms/a/m.sql": "SELECT * FROM one, big",
    "seeds/one.csv": "x\n1\n",
    "seeds/sub/One.csv": "x\n1\n",
    "seeds/2nd.csv": "x\n1\n",
    "seeds/codes.CSV": "x\n1\n",
    "seeds/book.xlsx": "",
    "seeds/notes.md": "",
    "seeds/lost.yaml": "description: x",
    "seeds/big.csv": `x\n${"1\n".repeat(2_700_000)}`,
  });
  assert.deepEqual(faults, [
    "seeds/big.csv: is 5.1 MB large: the limit is 5 MB for a seed; larger files come in by a stream, as extract: with path:",
    "seeds/book.xlsx:1:1: warning: is not read: a seed is a CSV; other files come in by a stream, as extract: with path:",
    "seeds/codes.CSV:1:1: warning: is not read: a seed's file ends in .csv, in small letters",
    "seeds/2nd.csv:1:1: the file's name is the table's name: expected a letter or _, then letters, digits or _, at most 200 characters",
    'seeds/sub/One.csv:1:1: seeds/one.csv makes the table "one" already: rename one',
    "seeds/lost.yaml:1:1: warning: is not read: it describes a seed, and there is no lost.csv beside it",
  ]);
});
