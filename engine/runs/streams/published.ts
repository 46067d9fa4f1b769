import { basename, join } from "node:path";
import * as v from "valibot";
import { requirePathPart } from "../../../contract/names.ts";
import { FileReplacer } from "./file_replacer.ts";
import { NO_COVER, placeOf, type RowCover } from "./row_cover.ts";

/**
 * What runs have reported of their streams, a JSON file a stream beside the warehouses: so that who looks opens no
 * warehouse and holds up no run (rule 4).
 */
export class PublishedFolder<T> {
  readonly #path: string;
  readonly #schema: v.GenericSchema<unknown, T>;
  readonly #files = new FileReplacer();
  readonly #cover: RowCover;

  /** `path` is absolute. */
  constructor(path: string, schema: v.GenericSchema<unknown, T>, cover: RowCover = NO_COVER) {
    this.#path = path;
    this.#schema = schema;
    this.#cover = cover;
  }

  /** Takes the place of what was there; undefined removes it. */
  async put(pipeline: string, stream: string, value: T | undefined, cover = this.#cover): Promise<void> {
    const path = this.#fileOf(pipeline, stream);
    if (value === undefined) {
      await Deno.remove(path).catch((error) => {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      });
      return;
    }
    const place = this.#placeOf(pipeline, stream);
    await this.#files.replace(path, await cover.cover(pipeline, place, JSON.stringify(value)));
  }

  /** Undefined where no run has reported any, or only one of another version. */
  async get(pipeline: string, stream: string): Promise<T | undefined> {
    try {
      const stored = await Deno.readTextFile(this.#fileOf(pipeline, stream));
      const text = await this.#cover.uncover(pipeline, this.#placeOf(pipeline, stream), stored);
      const parsed = v.safeParse(this.#schema, JSON.parse(text));
      return parsed.success ? parsed.output : undefined;
    } catch (error) {
      if (error instanceof Deno.errors.NotFound || error instanceof SyntaxError) return undefined;
      throw error;
    }
  }

  /** Those that there are, in the order of the names. */
  async list(pipeline: string, streams: readonly string[]): Promise<T[]> {
    const found = await Promise.all(streams.map((stream) => this.get(pipeline, stream)));
    return found.filter((value) => value !== undefined);
  }

  #placeOf(pipeline: string, stream: string): string {
    return placeOf(basename(this.#path), pipeline, stream);
  }

  #fileOf(pipeline: string, stream: string): string {
    return join(this.#path, requirePathPart(pipeline), `${requirePathPart(stream)}.json`);
  }
}
