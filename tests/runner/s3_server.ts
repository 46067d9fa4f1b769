import { linesOf } from "../../contract/jobs/job_lines.ts";
import { findPythonWith } from "./python_packages.ts";

export const S3_URL = "SLUICE_TEST_S3_URL";

/** The version that is in the registry of Python's packages. */
const PACKAGES = ["moto[server]==5.2.5"];
const START_TIMEOUT_MS = 60_000;

export interface S3Server extends AsyncDisposable {
  /** `http://127.0.0.1:port`. */
  readonly url: string;
}

/** Starts a server that speaks S3 and keeps its files in memory. Throws where none can be had. */
export async function startS3(
  root: string,
  installPackages: (packages: readonly string[]) => Promise<void>,
): Promise<S3Server> {
  const python = await findPythonWith(root, "moto", PACKAGES, installPackages);
  const [program, before] = Deno.build.os === "linux"
    ? ["setpriv", ["--pdeathsig=TERM", python]]
    : [python, []];
  const child = new Deno.Command(program, {
    args: [...before, "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"],
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const stop = async () => {
    try {
      child.kill("SIGTERM");
    } catch {
      // It has ended.
    }
    await child.status;
  };
  const timer = setTimeout(stop, START_TIMEOUT_MS);
  const said: string[] = [];
  const lines = linesOf(child.stderr)[Symbol.asyncIterator]();
  for (let next = await lines.next(); !next.done; next = await lines.next()) {
    said.push(next.value);
    const url = /Running on (http:\/\/127\.0\.0\.1:\d+)/.exec(next.value)?.[1];
    if (url === undefined) continue;
    clearTimeout(timer);
    const rest = drain(lines);
    return {
      url,
      async [Symbol.asyncDispose]() {
        await stop();
        await rest;
      },
    };
  }
  clearTimeout(timer);
  await child.status;
  throw new Error(`The S3 server did not start: ${said.join("\n")}`);
}

/** A server whose words nobody takes stops when the pipe is full. */
async function drain(lines: AsyncIterator<string>): Promise<void> {
  while (!(await lines.next()).done) {
    // It logs every request.
  }
}
