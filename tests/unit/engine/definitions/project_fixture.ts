import { dirname, join } from "node:path";
import * as v from "valibot";
import type { Connector } from "../../../../contract/connector.ts";
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

/** What reading a project needs of connectors: schemas and lists of what they offer. */
export const CONNECTOR_TYPES: readonly Connector[] = [
  {
    ...common,
    name: "folder",
    configSchema: v.strictObject({ root: v.optional(v.string()) }),
    streamOptionsSchema: v.strictObject({ header: v.optional(v.boolean()) }),
    loadOptionsSchema: v.strictObject({ format: v.optional(v.picklist(["csv", "parquet"])) }),
    streamAddresses: ["path"],
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
    streamOptionsSchema: v.strictObject({}),
    loadOptionsSchema: v.strictObject({}),
    streamAddresses: ["stream", "query"],
    loadModes: ["replace", "append", "merge"],
  },
  {
    ...common,
    name: "reader",
    configSchema: v.strictObject({}),
    streamOptionsSchema: v.strictObject({}),
    loadOptionsSchema: v.strictObject({}),
    streamAddresses: ["stream"],
    loadModes: [],
  },
  {
    ...common,
    name: "writer",
    configSchema: v.strictObject({}),
    streamOptionsSchema: v.strictObject({}),
    loadOptionsSchema: v.strictObject({}),
    streamAddresses: [],
    loadModes: ["append"],
  },
];
