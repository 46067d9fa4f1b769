import { dirname, join } from "node:path";
import { AppError } from "../../../../contract/errors.ts";
import { isRecord } from "../../../../text/is_record.ts";

/** Where a project keeps the types of its scripts. */
export const TYPES_FILE = "scripts/sluice.d.ts";
const SPECIFIER = "sluice";
const CONFIG_FILE = "deno.json";

/** What was written, as paths in the project, and what is left to a person. */
export interface WrittenTypes {
  readonly paths: readonly string[];
  readonly advice?: string;
}

/**
 * Writes the types that scripts import as "sluice" into the project, and has deno.json lead there. A deno.json that is
 * there keeps all that it says.
 */
export async function writeScriptTypes(projectDir: string, types: string): Promise<WrittenTypes> {
  const path = join(projectDir, TYPES_FILE);
  await Deno.mkdir(dirname(path), { recursive: true });
  await Deno.writeTextFile(path, types);
  const config = await withTypes(join(projectDir, CONFIG_FILE));
  if (config === "is complete") return { paths: [TYPES_FILE] };
  if (config === "is not JSON") {
    const advice =
      `${CONFIG_FILE} cannot be changed, since it is not plain JSON: put "${SPECIFIER}": "./${TYPES_FILE}" ` +
      `into its "imports"`;
    return { paths: [TYPES_FILE], advice };
  }
  return { paths: [TYPES_FILE, CONFIG_FILE] };
}

async function withTypes(path: string): Promise<"is complete" | "is not JSON" | "is written"> {
  const text = await readIfThere(path);
  const config = text === undefined ? { nodeModulesDir: "auto" } : parseObject(text);
  if (config === undefined) return "is not JSON";
  const imports = config["imports"] ?? {};
  if (!isRecord(imports)) return "is not JSON";
  if (Object.hasOwn(imports, SPECIFIER)) return "is complete";
  const changed = { ...config, imports: { [SPECIFIER]: `./${TYPES_FILE}`, ...imports } };
  await Deno.writeTextFile(path, `${JSON.stringify(changed, null, 2)}\n`);
  return "is written";
}

/** A script to begin with, at `path` in the project. Throws `conflict` where a file is there. */
export async function writeNewScript(projectDir: string, path: string): Promise<void> {
  try {
    await Deno.writeTextFile(join(projectDir, path), NEW_SCRIPT, { createNew: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    throw new AppError("conflict", `Cannot make ${path}: there is such a file already`, { cause: error });
  }
}

const NEW_SCRIPT = `import type { ScriptContext } from "sluice";

export default async function* (ctx: ScriptContext) {
  ctx.log.info("making rows for", ctx.window.pipeline);
  yield [
    { id: 1, name: "first" },
    { id: 2, name: "second" },
  ];
}
`;

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
