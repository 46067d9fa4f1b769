import { join } from "node:path";

const MAX_TOLD = 4;

/**
 * The absolute path of a Python that has the packages, as `pyarrow==26.0.1`: of a virtual environment in dist/, which
 * is made where it is not there yet. `installPackages` is asked for Debian's packages that are missing. Throws where
 * none can be had.
 */
export async function findPythonWith(
  root: string,
  name: string,
  packages: readonly string[],
  installPackages: (packages: readonly string[]) => Promise<void>,
  pipOptions: readonly string[] = [],
): Promise<string> {
  const folder = join(root, "dist", name);
  const python = join(folder, "bin", "python");
  if (await hasPackages(python, packages)) return python;
  await Deno.mkdir(join(root, "dist"), { recursive: true });
  const fresh = await Deno.makeTempDir({ dir: join(root, "dist"), prefix: `${name}-` });
  try {
    if (!await succeeds("python3", ["-m", "venv", fresh])) {
      await installPackages(["python3", "python3-venv"]);
      await run("python3", ["-m", "venv", fresh]);
    }
    const more = packages.length > MAX_TOLD ? ` and ${packages.length - MAX_TOLD} more` : "";
    console.log(`Installing ${packages.slice(0, MAX_TOLD).join(" and ")}${more}`);
    await run(join(fresh, "bin", "python"), ["-m", "pip", "install", "--quiet", ...pipOptions, ...packages]);
    await Deno.remove(folder, { recursive: true }).catch(unlessMissing);
    await Deno.rename(fresh, folder);
  } finally {
    await Deno.remove(fresh, { recursive: true }).catch(unlessMissing);
  }
  return python;
}

async function hasPackages(python: string, packages: readonly string[]): Promise<boolean> {
  const wanted = packages.map((text) => text.replace(/\[.*?\]/, "").split("=="));
  const code = `import importlib.metadata as m; assert all(m.version(n) == v for n, v in ${
    JSON.stringify(wanted)
  })`;
  return await succeeds(python, ["-c", code]);
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
