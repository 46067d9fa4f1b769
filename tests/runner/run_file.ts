import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { readJunit, type TestCase } from "./junit.ts";

export interface FileResult {
  /** From the root. */
  readonly name: string;
  readonly durationMs: number;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly report: string;
}

export interface FileOptions {
  readonly root: string;
  readonly filter?: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly limitMs: number;
}

const COLLECT_GARBAGE = fileURLToPath(new URL("./collect_garbage.ts", import.meta.url));
/** Lines of the process's output that are shown where the tests themselves cannot say what went wrong. */
const TAIL_LINES = 40;

/** Runs one file's tests. A file that crashes, hangs or does not run at all counts as one failure more. */
export async function runFile(file: string, options: FileOptions): Promise<FileResult> {
  const folder = await Deno.makeTempDir({ prefix: "sluice-test-" });
  const junitPath = join(folder, "junit.xml");
  const name = relative(options.root, file);
  const startedMs = performance.now();
  try {
    const { code, output, isTimedOut } = await runDeno(file, options, junitPath);
    const cases = readJunit(await readIfPresent(junitPath));
    const failures = cases.filter((test) => test.state === "failed");
    const reports = failures.map((test) => formatFailure(name, test));
    let failed = failures.length;
    if (isTimedOut || (code !== 0 && failed === 0) || (cases.length === 0 && options.filter === undefined)) {
      failed += 1;
      const what = isTimedOut ? "was stopped: its time was up" : `ended with code ${code}`;
      const tail = output.split("\n").slice(-TAIL_LINES).join("\n");
      reports.push(`FAILED  ${name} ${what}\n${indent(tail)}`);
    }
    return {
      name,
      durationMs: performance.now() - startedMs,
      passed: cases.filter((test) => test.state === "passed").length,
      failed,
      // With a filter, what it leaves out is reported as skipped too.
      skipped: options.filter === undefined ? cases.filter((test) => test.state === "skipped").length : 0,
      report: reports.join("\n\n"),
    };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function runDeno(file: string, options: FileOptions, junitPath: string) {
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "test",
      "--allow-all",
      "--frozen",
      // Types are `deno check`'s work, once for all.
      "--no-check",
      "--sanitize-ops",
      "--sanitize-resources",
      "--v8-flags=--expose-gc",
      `--preload=${COLLECT_GARBAGE}`,
      `--junit-path=${junitPath}`,
      ...(options.filter === undefined ? [] : ["--permit-no-files", `--filter=${options.filter}`]),
      file,
    ],
    cwd: options.root,
    env: { ...options.environment, NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const limit = new AbortController();
  const timer = setTimeout(() => {
    limit.abort();
    child.kill("SIGKILL");
  }, Math.max(options.limitMs, 0));
  const output: string[] = [];
  const collect = async (stream: ReadableStream<Uint8Array>) => {
    try {
      for await (const text of stream.pipeThrough(new TextDecoderStream(), { signal: limit.signal })) {
        output.push(text);
      }
    } catch (error) {
      // Something that the tests started may hold the pipe open after they were stopped.
      if (!limit.signal.aborted) throw error;
    }
  };
  const [{ code }] = await Promise.all([child.status, collect(child.stdout), collect(child.stderr)]);
  clearTimeout(timer);
  return { code, output: output.join("").trimEnd(), isTimedOut: limit.signal.aborted };
}

function formatFailure(file: string, test: TestCase): string {
  return `FAILED  ${file}: ${test.name}\n${indent(test.failure)}`;
}

function indent(text: string): string {
  return text.split("\n").map((line) => `    ${line}`).join("\n");
}

async function readIfPresent(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}
