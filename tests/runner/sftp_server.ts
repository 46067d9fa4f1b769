import { join } from "node:path";
import { linesOf } from "../../contract/jobs/job_lines.ts";
import { findPythonWith } from "./python_packages.ts";

/**
 * JSON: host, port, user, password, private_key and host_key (a fingerprint) of a server, and the local `folder` whose
 * files it has at its root.
 */
export const SFTP_SERVER = "SLUICE_TEST_SFTP";

/** The version that is in the registry of Python's packages. */
const PACKAGES = ["asyncssh==2.24.1"];
const START_TIMEOUT_MS = 60_000;

export interface SftpTestServer extends AsyncDisposable {
  /** What SFTP_SERVER is to say. */
  readonly description: string;
}

/** Starts a server of files in a folder of its own. Throws where none can be had. */
export async function startSftp(
  root: string,
  installPackages: (packages: readonly string[]) => Promise<void>,
): Promise<SftpTestServer> {
  const python = await findPythonWith(root, "asyncssh", PACKAGES, installPackages);
  const folder = await Deno.makeTempDir({ prefix: "sluice-sftp-" });
  const child = new Deno.Command(python, {
    args: [join(root, "tests/runner/sftp_server.py"), folder],
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const timer = setTimeout(() => child.kill("SIGKILL"), START_TIMEOUT_MS);
  const { value: description } = await linesOf(child.stdout)[Symbol.asyncIterator]().next();
  clearTimeout(timer);
  if (typeof description !== "string") throw new Error("The SFTP server did not start");
  return {
    description,
    async [Symbol.asyncDispose]() {
      // It ends with its input, and so does one whose tests were killed.
      await child.stdin.close();
      await child.status;
      await Deno.remove(folder, { recursive: true });
    },
  };
}
