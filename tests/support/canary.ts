import { Buffer } from "node:buffer";
import { join } from "node:path";

/** So many characters of the mark in a row, in any form, are a leak. */
const PART = 8;

/**
 * Secrets that are to be found nowhere. All of a test's have one random mark in them, several times, between characters
 * that encodings change: where a piece of the mark is found in any form, some secret got there.
 */
export class Canary {
  readonly #mark = randomText(16);
  readonly #needles: readonly { readonly form: string; readonly bytes: Buffer }[];

  constructor(others: readonly string[] = []) {
    this.#needles = [
      ...formsOf(this.#mark),
      ...others.map((text) => ({ form: "plain", bytes: Buffer.from(text) })),
    ];
  }

  /** A secret; `place` tells it from the others where it is found. */
  secret(place: string): string {
    return `${this.#mark}/?&"'<+ =@:é\\${place}${this.#mark}`;
  }

  /** One with letters and digits alone, for what takes nothing else. */
  plainSecret(place: string): string {
    return `${this.#mark}${place}${this.#mark}`;
  }

  /** What of it stands in the text or bytes: each form, with some of what is around it. */
  findIn(content: string | Uint8Array): string[] {
    const bytes = typeof content === "string"
      ? Buffer.from(content)
      : Buffer.from(content.buffer, content.byteOffset, content.byteLength);
    return this.#needles.flatMap(({ form, bytes: needle }) => {
      const at = bytes.indexOf(needle);
      if (at === -1) return [];
      const around = bytes.subarray(Math.max(0, at - 80), at + 80).toString("latin1");
      return [`${form}: …${around.replace(/[^\x20-\x7e]+/g, " ")}…`];
    });
  }

  /** The same of all files below the folders, by their paths; `skip` leaves out what is meant to have it. */
  async findBelow(
    folders: readonly string[],
    skip: (path: string) => boolean = () => false,
  ): Promise<string[]> {
    const found: string[] = [];
    const walk = async (folder: string) => {
      for await (const entry of Deno.readDir(folder)) {
        const path = join(folder, entry.name);
        if (skip(path)) continue;
        // Names of files tell too.
        found.push(...this.findIn(entry.name).map((what) => `${path} (its name): ${what}`));
        if (entry.isDirectory) await walk(path);
        else if (entry.isFile) {
          const content = await Deno.readFile(path).catch(() => new Uint8Array());
          found.push(...this.findIn(content).map((what) => `${path}: ${what}`));
        }
      }
    };
    for (const folder of folders) await walk(folder);
    return found;
  }
}

function* formsOf(mark: string): Generator<{ form: string; bytes: Buffer }> {
  const windows = (text: string, size: number) =>
    Array.from(
      { length: Math.floor((text.length - size) / (size / 2)) + 1 },
      (_, index) => text.slice(index * (size / 2), index * (size / 2) + size),
    );
  const each = (form: string, texts: readonly string[]) =>
    texts.map((text) => ({ form, bytes: Buffer.from(text) }));
  yield* each("plain", windows(mark, PART));
  yield* each("reversed", windows([...mark].reverse().join(""), PART));
  const hex = Buffer.from(mark).toString("hex");
  yield* each("hexadecimal", windows(hex, PART * 2));
  yield* each("hexadecimal", windows(hex.toUpperCase(), PART * 2));
  yield* each("UTF-16", windows(mark, PART).map((text) => [...text].join("\0")));
  for (const before of ["", "x", "xx"]) {
    // What stands before and behind it decides about the characters at the edges alone.
    const inner = Buffer.from(`${before}${mark}`).toString("base64").replace(/=+$/, "").slice(4, -2);
    yield* each("Base64", windows(inner, 10));
  }
}

function randomText(length: number): string {
  const letters = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";
  return Array.from(crypto.getRandomValues(new Uint8Array(length)), (byte) => letters[byte % letters.length])
    .join("");
}

/** What processes below one are started with, and what environment they have, looked at again and again. */
export class ProcessWatch implements AsyncDisposable {
  /** Each argument list and environment that was seen, once. */
  readonly seen = new Set<string>();
  readonly #root: number;
  readonly #watching: Promise<void>;
  #isOver = false;

  constructor(root: number) {
    this.#root = root;
    this.#watching = this.#watch();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    await this.#watching;
  }

  async #watch(): Promise<void> {
    while (!this.#isOver) {
      // The server's own arguments count, not the environment that the test gave it.
      const own = await read(this.#root, "cmdline");
      this.seen.add(`cmdline: ${own}`);
      for (const pid of await below(this.#root)) {
        const started = await read(pid, "cmdline");
        // Between fork and exec a child has what the server has.
        if (started === own) continue;
        for (const [file, text] of [["cmdline", started], ["environ", await read(pid, "environ")]] as const) {
          if (text !== "") this.seen.add(`${file}: ${text.replaceAll("\0", " ")}`);
        }
      }
      await new Promise((resolve) => setTimeout(resolve, 15));
    }
  }
}

const read = (pid: number, file: string): Promise<string> =>
  Deno.readTextFile(`/proc/${pid}/${file}`).catch(() => "");

async function below(pid: number): Promise<number[]> {
  const found: number[] = [];
  try {
    for await (const { name } of Deno.readDir(`/proc/${pid}/task`)) {
      const text = await Deno.readTextFile(`/proc/${pid}/task/${name}/children`);
      for (const child of text.trim().split(/\s+/).filter((word) => word !== "").map(Number)) {
        found.push(child, ...await below(child));
      }
    }
  } catch {
    // It has ended.
  }
  return found;
}
