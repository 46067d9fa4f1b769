import { join } from "node:path";

/** The folder of Prometheus' programs: `promtool`, which reads metrics and rules, and `prometheus`, which scrapes. */
export const PROMETHEUS = "SLUICE_TEST_PROMETHEUS";
/** The file that asks for them. */
const TESTS = "/integration/server/metrics_test.ts";
const PACKAGE = "prometheus";
const PROGRAMS = ["promtool", "prometheus"];

/** Whether one of the files wants them. */
export const needsPrometheus = (files: readonly string[]): boolean =>
  files.some((file) => file.endsWith(TESTS));

/**
 * The folder in SLUICE_TEST_PROMETHEUS, or dist/prometheus with the programs taken out of Debian's package: to install
 * that would start a service. `updateLists` gets Debian's lists of packages. Throws where they cannot be had.
 */
export async function findPrometheus(root: string, updateLists: () => Promise<void>): Promise<string> {
  const given = Deno.env.get(PROMETHEUS);
  if (given) return given;
  const folder = join(root, "dist", "prometheus");
  if (await areThere(folder)) return folder;
  await Deno.mkdir(join(root, "dist"), { recursive: true });
  const fresh = await Deno.makeTempDir({ dir: join(root, "dist"), prefix: "prometheus-" });
  try {
    console.log("Taking promtool and prometheus out of Debian's package");
    const download = () => run("apt-get", ["download", "-q", PACKAGE], fresh);
    await download().catch(async () => {
      await updateLists();
      await download();
    });
    const paths = PROGRAMS.map((program) => `./usr/bin/${program}`).join(" ");
    await run("sh", ["-c", `dpkg-deb --fsys-tarfile ${PACKAGE}_*.deb | tar -x ${paths}`], fresh);
    await Deno.rename(join(fresh, "usr", "bin"), folder);
  } catch (error) {
    // Another run of the tests may have been faster.
    if (await areThere(folder)) return folder;
    throw new Error(
      `Prometheus cannot be taken out of Debian's package: set ${PROMETHEUS} to the folder of promtool and ` +
        `prometheus. ${error instanceof Error ? error.message : error}`,
    );
  } finally {
    await Deno.remove(fresh, { recursive: true });
  }
  return folder;
}

async function areThere(folder: string): Promise<boolean> {
  const works = PROGRAMS.map((program) => run(join(folder, program), ["--version"]).then(() => true));
  return await Promise.all(works).then(() => true, () => false);
}

async function run(program: string, args: readonly string[], cwd?: string): Promise<void> {
  const { code, stderr } = await new Deno.Command(program, {
    args: [...args],
    stdin: "null",
    stdout: "null",
    ...(cwd === undefined ? {} : { cwd }),
  }).output();
  if (code !== 0) {
    throw new Error(`${program} ${args.join(" ")} failed:\n${new TextDecoder().decode(stderr)}`);
  }
}
