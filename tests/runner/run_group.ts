import { join } from "node:path";
import type { Group } from "./groups.ts";
import { readJunit, type TestCase } from "./junit.ts";

export interface GroupResult {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly durationMs: number;
  /** What failed and why, for a person; empty where nothing did. */
  readonly report: string;
}

export interface GroupOptions {
  readonly root: string;
  readonly filter?: string;
  readonly environment: Readonly<Record<string, string>>;
}

/** Lines of the process's output that are shown where the tests themselves cannot say what went wrong. */
const TAIL_LINES = 60;

/** Runs one group. A group that crashes, hangs or does not run at all counts as one failure more. */
export async function runGroup(group: Group, options: GroupOptions): Promise<GroupResult> {
  const startedMs = performance.now();
  const folder = await Deno.makeTempDir({ prefix: "sluice-test-" });
  const junitPath = join(folder, "junit.xml");
  try {
    const { code, output, isTimedOut } = await runDeno(group, options, junitPath);
    const cases = readJunit(await readIfPresent(junitPath));
    const failures = cases.filter((test) => test.state === "failed");
    const reports = failures.map(formatFailure);
    let failed = failures.length;
    if (isTimedOut || (code !== 0 && failed === 0) || (cases.length === 0 && options.filter === undefined)) {
      failed += 1;
      const what = isTimedOut
        ? `took longer than ${group.limitMs / 1_000} s and was stopped`
        : `ended with code ${code}`;
      reports.push(`${group.name}: deno test ${what}\n${output.split("\n").slice(-TAIL_LINES).join("\n")}`);
    }
    return {
      passed: cases.filter((test) => test.state === "passed").length,
      failed,
      skipped: cases.filter((test) => test.state === "skipped").length,
      durationMs: performance.now() - startedMs,
      report: reports.join("\n\n"),
    };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function runDeno(group: Group, options: GroupOptions, junitPath: string) {
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "test",
      "--allow-all",
      "--frozen",
      // Types are `deno check`'s work, once for all.
      "--no-check",
      "--sanitize-ops",
      "--sanitize-resources",
      "--preload=tests/support/keep_native_handles.ts",
      `--junit-path=${junitPath}`,
      ...(group.isParallel ? ["--parallel"] : []),
      ...(options.filter === undefined ? [] : [`--filter=${options.filter}`]),
      ...group.paths,
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
  }, group.limitMs);
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

function formatFailure(test: TestCase): string {
  return `FAILED  ${test.file}: ${test.name}\n${
    test.failure.split("\n").map((line) => `    ${line}`).join("\n")
  }`;
}

async function readIfPresent(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}
