import { join } from "node:path";
import * as v from "valibot";
import { requirePathPart } from "../../contract/names.ts";
import { type Table, type TablePreview, tablePreviewSchema } from "../../contract/table.ts";
import { FileReplacer } from "./streams/file_replacer.ts";
import { NO_COVER, placeOf, type RowCover } from "./streams/row_cover.ts";

const PREVIEWS = "previews";

/**
 * The previews of all pipelines' tables, a JSON file each beside the warehouses. They are written by runs as
 * they go, so that a look at a table opens no warehouse and holds up no run.
 */
export class PreviewFolder {
  readonly #path: string;
  /** What is said of tables without their rows, by file: lists are asked for often. */
  readonly #facts = new Map<string, Table | undefined>();
  readonly #files = new FileReplacer();
  readonly #cover: RowCover;

  constructor(dataDir: string, cover: RowCover = NO_COVER) {
    this.#path = join(dataDir, PREVIEWS);
    this.#cover = cover;
  }

  /** Takes the place of the table's preview before. */
  async put(pipeline: string, table: TablePreview, cover = this.#cover): Promise<void> {
    const path = this.#fileOf(pipeline, table.name);
    const place = placeOf(PREVIEWS, pipeline, table.name);
    await this.#files.replace(path, await cover.cover(pipeline, place, JSON.stringify(table)));
    this.#facts.set(path, factsOf(table));
  }

  /** Undefined where no run has written the table yet, or only one of another version. */
  async get(pipeline: string, table: string): Promise<TablePreview | undefined> {
    try {
      const stored = await Deno.readTextFile(this.#fileOf(pipeline, table));
      const text = await this.#cover.uncover(pipeline, placeOf(PREVIEWS, pipeline, table), stored);
      const parsed = v.safeParse(tablePreviewSchema, JSON.parse(text));
      return parsed.success ? parsed.output : undefined;
    } catch (error) {
      if (error instanceof Deno.errors.NotFound || error instanceof SyntaxError) return undefined;
      throw error;
    }
  }

  /** The same without the rows. */
  async facts(pipeline: string, table: string): Promise<Table | undefined> {
    const path = this.#fileOf(pipeline, table);
    if (this.#facts.has(path)) return this.#facts.get(path);
    const preview = await this.get(pipeline, table);
    const facts = preview === undefined ? undefined : factsOf(preview);
    // What was written meanwhile is newer.
    if (!this.#facts.has(path)) this.#facts.set(path, facts);
    return this.#facts.get(path);
  }

  #fileOf(pipeline: string, table: string): string {
    return join(this.#path, requirePathPart(pipeline), `${requirePathPart(table)}.json`);
  }
}

function factsOf({ rows: _, note: __, ...table }: TablePreview): Table {
  return table;
}
