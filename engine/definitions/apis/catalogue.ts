import { join } from "node:path";
import { AppError } from "../../../contract/errors.ts";
import { didYouMeanOneOf } from "../../../text/suggest.ts";
import { type ApiDefinition, parseApiDefinition } from "./api_definition.ts";

/** The ready-made definitions that come with the program: a YAML file each, whose name is the API's. */

const SUFFIX = ".yaml";

/** All of them by name, in its order. Throws `invalid` for one with a fault, `internal` where the folder is missing. */
export async function readCatalogue(folder: string): Promise<ReadonlyMap<string, ApiDefinition>> {
  const names = await catalogueNames(folder);
  return new Map(
    await Promise.all(names.map(async (name) => [name, await readDefinition(folder, name)] as const)),
  );
}

/** The one of that name. Throws `not_found`, and as readCatalogue() does. */
export async function readFromCatalogue(folder: string, name: string): Promise<ApiDefinition> {
  const names = await catalogueNames(folder);
  if (names.includes(name)) return await readDefinition(folder, name);
  throw new AppError(
    "not_found",
    `There is no ${JSON.stringify(name)} in the catalogue${didYouMeanOneOf(name, names)}`,
  );
}

async function catalogueNames(folder: string): Promise<string[]> {
  const names: string[] = [];
  try {
    for await (const { name } of Deno.readDir(folder)) {
      if (name.endsWith(SUFFIX)) names.push(name.slice(0, -SUFFIX.length));
    }
  } catch (error) {
    throw new AppError("internal", "The catalogue of APIs is missing from the program", { cause: error });
  }
  return names.toSorted();
}

const readDefinition = async (folder: string, name: string): Promise<ApiDefinition> =>
  parseApiDefinition(await Deno.readTextFile(join(folder, `${name}${SUFFIX}`)), `catalogue/${name}${SUFFIX}`);
