import { dirname, join } from "node:path";
import * as v from "valibot";
import type { Connector } from "../../../../contract/connector/connector.ts";
import { AppError } from "../../../../contract/errors.ts";

/** A project in a temporary folder: path → content. Removed at the end of its scope. */
export class ProjectFixture implements AsyncDisposable {
  readonly dir: string;

  private constructor(dir: string) {
    this.dir = dir;
  }

  static async create(files: Readonly<Record<string, string | Uint8Array>> = {}): Promise<ProjectFixture> {
    const fixture = new ProjectFixture(await Deno.makeTempDir({ prefix: "sluice_project_" }));
    for (const [path, content] of Object.entries(files)) await fixture.write(path, content);
    return fixture;
  }

  async write(path: string, content: string | Uint8Array): Promise<void> {
    const target = join(this.dir, path);
    await Deno.mkdir(dirname(target), { recursive: true });
    if (typeof content === "string") await Deno.writeTextFile(target, content);
    else await Deno.writeFile(target, content);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.dir, { recursive: true }).catch((error) => {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    });
  }
}

const common = {
  description: "",
  secrets: () => [],
  access: () => ({ hosts: [], read: [], write: [] }),
  open: () => Promise.reject(new AppError("internal", "not opened in these tests")),
};

const options = { options: v.optional(v.strictObject({}), {}) };

/** What reading a project needs of connectors: schemas and lists of what they offer. */
export const CONNECTOR_TYPES: readonly Connector[] = [
  {
    ...common,
    name: "folder",
    configSchema: v.strictObject({ root: v.optional(v.string()) }),
    streamSchema: v.strictObject({
      path: v.string(),
      options: v.optional(v.strictObject({ header: v.optional(v.boolean()) }), {}),
    }),
    loadSchema: v.strictObject({
      path: v.string(),
      options: v.optional(v.strictObject({ format: v.optional(v.picklist(["csv", "parquet"])) }), {}),
    }),
    loadModes: ["replace", "append"],
  },
  {
    ...common,
    name: "database",
    configSchema: v.pipe(
      v.strictObject({
        url: v.pipe(v.string(), v.url("expected a URL")),
        port: v.optional(v.number()),
        tags: v.optional(v.array(v.string())),
      }),
    ),
    streamSchema: v.pipe(
      v.strictObject({ stream: v.optional(v.string()), query: v.optional(v.string()), ...options }),
      v.check(
        (s) => (s.stream === undefined) !== (s.query === undefined),
        "expected exactly one of stream and query",
      ),
    ),
    loadSchema: v.strictObject({ table: v.string(), ...options }),
    loadModes: ["replace", "append", "merge"],
  },
  {
    ...common,
    name: "reader",
    configSchema: v.strictObject({}),
    streamSchema: v.strictObject({ stream: v.string(), ...options }),
    loadModes: [],
  },
  {
    ...common,
    name: "writer",
    configSchema: v.strictObject({}),
    loadSchema: v.strictObject({ table: v.string(), ...options }),
    loadModes: ["append"],
  },
];
