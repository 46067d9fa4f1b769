import { join } from "node:path";

/** The versions that are in the registry of Python's packages. */
const PACKAGES = ["pyarrow==26.0.1", "openpyxl==3.1.5"];
export const SECOND_READERS = "SLUICE_TEST_PYTHON";

/**
 * A Python with pyarrow and openpyxl, by its absolute path: the one in SLUICE_TEST_PYTHON, or one of a virtual environment in
 * dist/, which is made where it is not there yet. `installPackages` is asked for Debian's packages that are
 * missing. Throws where none can be had.
 */
export async function findSecondReaders(
  root: string,
  installPackages: (packages: readonly string[]) => Promise<void>,
): Promise<string> {
  const given = Deno.env.get(SECOND_READERS);
  if (given) return given;
  const folder = join(root, "dist", "second_readers");
  const python = join(folder, "bin", "python");
  if (await hasPackages(python)) return python;
  await Deno.mkdir(join(root, "dist"), { recursive: true });
  const fresh = await Deno.makeTempDir({ dir: join(root, "dist"), prefix: "second_readers-" });
  try {
    if (!await succeeds("python3", ["-m", "venv", fresh])) {
      await installPackages(["python3", "python3-venv"]);
      await run("python3", ["-m", "venv", fresh]);
    }
    console.log(`Installing ${PACKAGES.join(" and ")}`);
    await run(join(fresh, "bin", "python"), ["-m", "pip", "install", "--quiet", ...PACKAGES]);
    await Deno.remove(folder, { recursive: true }).catch(unlessMissing);
    await Deno.rename(fresh, folder);
  } finally {
    await Deno.remove(fresh, { recursive: true }).catch(unlessMissing);
  }
  return python;
}

async function hasPackages(python: string): Promise<boolean> {
  return await succeeds(python, [
    "-c",
    `import pyarrow, openpyxl; assert ["pyarrow==" + pyarrow.__version__, "openpyxl==" + openpyxl.__version__] == ${
      JSON.stringify(PACKAGES)
    }`,
  ]);
}

async function succeeds(program: string, args: readonly string[]): Promise<boolean> {
  return await run(program, args).then(() => true, () => false);
}

async function run(program: string, args: readonly string[]): Promise<void> {
  const { code, stderr } = await new Deno.Command(program, { args: [...args], stdin: "null", stdout: "null" })
    .output();
  if (code !== 0) {
    throw new Error(`${program} ${args.join(" ")} failed:\n${new TextDecoder().decode(stderr)}`);
  }
}

function unlessMissing(error: unknown): void {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}
