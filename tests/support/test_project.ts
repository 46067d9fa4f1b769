import { dirname, join } from "node:path";
import { sluiceArgs } from "./sluice_server.ts";

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A project in a folder of its own, with its data folder beside it. */
export class TestProject implements AsyncDisposable {
  readonly folder: string;
  readonly projectDir: string;
  readonly dataDir: string;

  private constructor(folder: string) {
    this.folder = folder;
    this.projectDir = join(folder, "project");
    this.dataDir = join(folder, "data");
  }

  /** Writes the files: path in the project → content. */
  static async create(files: Readonly<Record<string, string | Uint8Array>>): Promise<TestProject> {
    const project = new TestProject(await Deno.makeTempDir({ prefix: "sluice-project-" }));
    await project.write(files);
    return project;
  }

  async write(files: Readonly<Record<string, string | Uint8Array>>): Promise<void> {
    for (const [path, content] of Object.entries(files)) {
      const target = join(this.projectDir, path);
      await Deno.mkdir(dirname(target), { recursive: true });
      if (typeof content === "string") await Deno.writeTextFile(target, content);
      else await Deno.writeFile(target, content);
    }
  }

  /** Runs `sluice COMMAND …` on it. */
  async sluice(
    command: string,
    args: readonly string[] = [],
    env: Record<string, string> = {},
  ): Promise<Outcome> {
    const output = await new Deno.Command(Deno.execPath(), {
      args: [...sluiceArgs(command, ...args), "--project", this.projectDir, "--data", this.dataDir],
      env: { ...env, NO_COLOR: "1" },
      stdin: "null",
    }).output();
    const decoder = new TextDecoder();
    return {
      code: output.code,
      stdout: decoder.decode(output.stdout),
      stderr: decoder.decode(output.stderr),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.folder, { recursive: true });
  }
}
