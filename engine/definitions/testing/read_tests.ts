import { posix } from "node:path";
import * as v from "valibot";
import {
  type TestTable,
  type TestValue,
  type UnitTest,
  unitTestsSchema,
} from "../../../contract/testing/unit_test.ts";
import { tablesMadeBy } from "../../../sql/language/files/kinds.ts";
import { CsvError, parseCsv } from "../../../text/csv.ts";
import type { Fault, SourcePlace } from "../../../text/fault.ts";
import { isRecord } from "../../../text/is_record.ts";
import { checkSchema } from "../../../text/schema_faults.ts";
import { didYouMean, listWords } from "../../../text/suggest.ts";
import { type DocumentPath, parseYamlDocument, type YamlDocument } from "../../../text/yaml_document.ts";
import { placedFaults } from "../named_entries.ts";
import type { LoadedPipeline } from "../parse_pipeline.ts";
import { type FileCache, ProjectFiles } from "../read_files.ts";

/** The project's folder of tests. */
const TESTS = "tests";
const MAX_LEVELS = 8;

export interface ProjectTests {
  /** By the pipelines that have their models. */
  readonly tests: ReadonlyMap<string, readonly UnitTest[]>;
  readonly faults: readonly Fault[];
}

/**
 * What tests/*.yaml and the folders in it say. What is wrong with a file or a test is a fault with its place. Throws
 * not_found where there is no such project.
 */
export async function readProjectTests(
  projectDir: string,
  pipelines: readonly LoadedPipeline[],
  cache?: FileCache,
): Promise<ProjectTests> {
  const reader = new TestReader(await ProjectFiles.open(projectDir, cache), pipelines);
  await reader.readFolder(TESTS, 1);
  return {
    tests: new Map(
      [...Map.groupBy(reader.tests, ({ pipeline }) => pipeline)].map(([name, list]) => [
        name,
        list.map(({ test }) => test),
      ]),
    ),
    faults: reader.faults,
  };
}

/** A test, and the pipeline that has its model. */
interface ProjectTest {
  readonly pipeline: string;
  readonly test: UnitTest;
}

type Written = v.InferOutput<typeof unitTestsSchema>[number];
type WrittenTable = Written["expect"] | NonNullable<Written["given"]>[string];

/** A test that lacks something that is a fault already. */
class Unreadable extends Error {}

class TestReader {
  readonly tests: ProjectTest[] = [];
  readonly faults: Fault[] = [];
  readonly #files: ProjectFiles;
  readonly #modelsOf: ReadonlyMap<string, readonly string[]>;

  constructor(files: ProjectFiles, pipelines: readonly LoadedPipeline[]) {
    this.#files = files;
    this.#modelsOf = new Map(
      pipelines.map(({ name, files }) => [
        name,
        tablesMadeBy(files),
      ]),
    );
  }

  async readFolder(folder: string, level: number): Promise<void> {
    const entries = await this.#files.list(folder) ?? [];
    if ("fault" in entries) return void this.faults.push(entries.fault);
    for (const { name, isFolder } of entries) {
      const path = `${folder}/${name}`;
      if (isFolder && level < MAX_LEVELS) await this.readFolder(path, level + 1);
      else if (!isFolder && /\.ya?ml$/.test(name)) await this.#readFile(path);
    }
  }

  async #readFile(path: string): Promise<void> {
    const file = await this.#files.read(path);
    if (file === undefined) return;
    if ("fault" in file) return void this.faults.push(file.fault);
    const document = parseYamlDocument(file.text, path);
    this.faults.push(...document.faults);
    if (document.value === undefined) return;
    const parsed = checkSchema(unitTestsSchema, document.value);
    if ("faults" in parsed) return void this.faults.push(...placedFaults(document, parsed.faults));
    const names = new Set<string>();
    for (const [index, written] of parsed.output.entries()) {
      if (names.has(written.name)) {
        this.#fail(document.valuePlace([index, "name"]), `a second test with the name "${written.name}"`);
      }
      names.add(written.name);
      try {
        await this.#add(document, index, written);
      } catch (error) {
        if (!(error instanceof Unreadable)) throw error;
      }
    }
  }

  async #add(document: YamlDocument, index: number, written: Written): Promise<void> {
    const { pipeline, model } = this.#find(document, index, written);
    const given: [string, UnitTest["given"][string]][] = [];
    for (const [name, table] of Object.entries(written.given ?? {})) {
      const types = isRecord(table) && !Array.isArray(table) && isRecord(table.columns) ? table.columns : {};
      given.push([name, { ...await this.#tableOf(document, [index, "given", name], table), types }]);
    }
    const { expect } = written;
    const isDetailed = isRecord(expect) && !Array.isArray(expect);
    const compared = isDetailed && Array.isArray(expect.columns) ? expect.columns : undefined;
    const table = await this.#tableOf(document, [index, "expect"], expect);
    const runStartMs = Date.parse(written.run_start ?? "2000-01-01T00:00:00Z");
    this.tests.push({
      pipeline,
      test: {
        name: written.name,
        place: document.place([index]),
        model,
        modelPlace: document.valuePlace([index, "model"]),
        given: Object.fromEntries(given),
        expect: {
          ...table,
          columns: compared ?? table.columns,
          ordered: isDetailed && expect.ordered === true,
          tolerance: isDetailed ? expect.tolerance ?? 0 : 0,
        },
        params: written.params ?? {},
        paramsPlace: document.place([index, "params"]),
        runStartMs,
        windowStartMs: written.window_start === undefined ? null : Date.parse(written.window_start),
        windowEndMs: written.window_end === undefined ? runStartMs : Date.parse(written.window_end),
      },
    });
  }

  /** The pipeline and the model that a test names. */
  #find(document: YamlDocument, index: number, written: Written): { pipeline: string; model: string } {
    const dot = written.model.indexOf(".");
    const model = written.model.slice(dot + 1);
    const named = dot === -1 ? written.pipeline : written.model.slice(0, dot);
    const place = document.valuePlace([index, dot === -1 && named !== undefined ? "pipeline" : "model"]);
    if (dot !== -1 && written.pipeline !== undefined && written.pipeline !== named) {
      this.#refuse(place, `model says the pipeline ${named}, and pipeline says ${written.pipeline}`);
    }
    if (named === undefined) {
      const having = [...this.#modelsOf].filter(([, models]) => models.includes(model)).map(([name]) => name);
      const [only] = having;
      if (only !== undefined && having.length === 1) return { pipeline: only, model };
      const all = [...this.#modelsOf.values()].flat();
      return this.#refuse(
        place,
        having.length === 0
          ? `no pipeline has a model ${model}${didYouMean(model, all)}`
          : `${listWords(having)} have a model ${model}: say which, as ${only}.${model}`,
      );
    }
    const models = this.#modelsOf.get(named);
    if (models === undefined) {
      return this.#refuse(place, `there is no pipeline ${named}${didYouMean(named, this.#modelsOf.keys())}`);
    }
    if (!models.includes(model)) {
      return this.#refuse(
        document.valuePlace([index, "model"]),
        `the pipeline ${named} has no model ${model}${didYouMean(model, models)}`,
      );
    }
    return { pipeline: named, model };
  }

  async #tableOf(document: YamlDocument, path: DocumentPath, table: WrittenTable): Promise<TestTable> {
    const isDetailed = isRecord(table) && !Array.isArray(table);
    const file = typeof table === "string" ? table : isDetailed ? table.file : undefined;
    if (typeof file === "string") {
      const place = document.valuePlace(typeof table === "string" ? path : [...path, "file"]);
      return await this.#fileTable(place, file);
    }
    const rows = Array.isArray(table) ? table : isDetailed && Array.isArray(table.rows) ? table.rows : [];
    const base = Array.isArray(table) ? path : [...path, "rows"];
    const columns = new Set(rows.flatMap((row) => Object.keys(row)));
    return {
      place: document.place(path),
      columns: [...columns],
      rows: rows.map((row, index) => ({
        place: document.place([...base, index]),
        values: Object.fromEntries(Object.entries(row).map(([name, value]) => [name, valueOf(value)])),
      })),
    };
  }

  /** A CSV file beside the test's own. */
  async #fileTable(place: SourcePlace, name: string): Promise<TestTable> {
    const path = posix.normalize(posix.join(posix.dirname(place.file), name));
    if (path.startsWith("../") || posix.isAbsolute(name)) {
      this.#refuse(place, `${name} leads out of the project`);
    }
    if (!/\.csv$/i.test(path)) this.#refuse(place, `${name}: rows are read from a .csv file, or stand here`);
    const file = await this.#files.read(path);
    if (file === undefined) return this.#refuse(place, `there is no file ${path}`);
    if ("fault" in file) {
      this.faults.push(file.fault);
      throw new Unreadable();
    }
    try {
      const [header, ...records] = parseCsv(file.text);
      const columns = (header?.fields ?? []).map((field) => field ?? "");
      if (header === undefined || columns.includes("")) {
        return this.#refuse({ file: path, line: 1 }, "expected a header with the name of each column");
      }
      return {
        place: { file: path, line: 1, column: 1 },
        columns,
        rows: records.map(({ line, fields }) => {
          if (fields.length !== columns.length) {
            const message =
              `expected ${columns.length} values as in the header, but there are ${fields.length}`;
            this.#refuse({ file: path, line, column: 1 }, message);
          }
          return {
            place: { file: path, line, column: 1 },
            values: Object.fromEntries(columns.map((column, i) => [column, valueOf(fields[i])])),
          };
        }),
      };
    } catch (error) {
      if (!(error instanceof CsvError)) throw error;
      return this.#refuse({ file: path, line: error.line, column: 1 }, error.message);
    }
  }

  #fail(place: SourcePlace, message: string): void {
    this.faults.push({ ...place, message, severity: "error" });
  }

  #refuse(place: SourcePlace, message: string): never {
    this.#fail(place, message);
    throw new Unreadable();
  }
}

function valueOf(value: unknown): TestValue {
  if (value === null || value === undefined) return null;
  return typeof value === "object" ? { json: JSON.stringify(value) } : { text: String(value) };
}
