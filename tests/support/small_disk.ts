import { join } from "node:path";

/** A file system of its own with little room, so that a test can fill it. Only root can mount one. */
export class SmallDisk implements AsyncDisposable {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  /** Whether this user may; a test that needs one is left out where not. */
  static readonly isPossible = Deno.build.os === "linux" && Deno.uid() === 0;

  static async mount(sizeBytes: number): Promise<SmallDisk> {
    const path = await Deno.makeTempDir({ prefix: "sluice disk " });
    await run("mount", "-t", "tmpfs", "-o", `size=${sizeBytes}`, "tmpfs", path);
    return new SmallDisk(path);
  }

  /** Leaves not a byte, or so many of them. */
  async fill(leftBytes = 0): Promise<void> {
    using file = await Deno.open(join(this.path, "fill"), { write: true, create: true, append: true });
    for (const size of [1 << 20, 4_096, 1]) {
      try {
        for (;;) await file.write(new Uint8Array(size));
      } catch (error) {
        if (!(error instanceof Error && error.message.includes("No space left"))) throw error;
      }
    }
    if (leftBytes > 0) await file.truncate((await file.stat()).size - leftBytes);
  }

  async free(): Promise<void> {
    await Deno.remove(join(this.path, "fill"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await run("umount", "-l", this.path);
    await Deno.remove(this.path);
  }
}

async function run(program: string, ...args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(program, { args, stdout: "null", stderr: "piped" })
    .output();
  if (!success) throw new Error(`${program} ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
}
