import { resolve } from "node:path";
import type { ConnectorContext } from "../../../contract/connector/connector.ts";
import { AppError } from "../../../contract/errors.ts";
import { LineTooLong } from "../command/byte_lines.ts";
import { programOf, RunningCommand } from "../command/run_command.ts";
import { Workplace } from "../command/workplace.ts";
import type { SingerConfig } from "../config.ts";
import { fileError } from "../../locations/file_error.ts";
import { Scratch } from "../../locations/scratch.ts";
import { type Catalog, parseCatalog } from "./catalog.ts";

const MAX_CATALOG_BYTES = 256 * 1024 * 1024;

/** Finds the catalog of a tap once, for all of its streams. */
export class CatalogKeeper {
  readonly #config: SingerConfig;
  readonly #context: ConnectorContext;
  #found: Promise<Catalog | undefined> | undefined;

  constructor(config: SingerConfig, context: ConnectorContext) {
    this.#config = config;
    this.#context = context;
  }

  /** Undefined for a tap that takes none. Throws what starting the tap throws, and `invalid` for what is no catalog. */
  async find(signal: AbortSignal): Promise<Catalog | undefined> {
    this.#found ??= this.#look(signal);
    try {
      return await this.#found;
    } catch (error) {
      // Whoever asks next may have more time.
      this.#found = undefined;
      throw error;
    }
  }

  async #look(signal: AbortSignal): Promise<Catalog | undefined> {
    const { catalog: origin } = this.#config;
    switch (origin.kind) {
      case "none":
        return undefined;
      case "inline":
        return parseCatalog(origin.catalog, `Connector "${this.#context.name}": catalog`);
      case "file":
        return await this.#read(origin.path);
      case "discovered":
        return await this.#discover(signal);
    }
  }

  async #read(path: string): Promise<Catalog> {
    const whole = resolve(this.#context.projectDir, path);
    let text: string;
    try {
      text = await Deno.readTextFile(whole);
    } catch (error) {
      throw fileError("read", whole, error);
    }
    return parseText(text, `Connector "${this.#context.name}": catalog "${path}"`);
  }

  async #discover(signal: AbortSignal): Promise<Catalog> {
    const { scratchDir, budget } = this.#context;
    const subject = `Connector "${this.#context.name}": what ${programOf(this.#config)} --discover says`;
    using _place = await budget.acquire(signal);
    await using scratch = new Scratch(scratchDir);
    const workplace = await Workplace.create(scratch, this.#config.environment);
    const config = await workplace.put("config.json", JSON.stringify(this.#config.config));
    await using command = RunningCommand.start(
      this.#config,
      ["--config", config, "--discover"],
      workplace,
      this.#context,
      signal,
    );
    await command.stdin.close();
    const decoder = new TextDecoder();
    let text = "";
    try {
      for await (const line of command.lines(MAX_CATALOG_BYTES)) {
        text += `${decoder.decode(line)}\n`;
        if (text.length > MAX_CATALOG_BYTES) throw new LineTooLong(1);
      }
    } catch (error) {
      if (!(error instanceof LineTooLong)) throw error;
      throw new AppError("invalid", `${subject} is longer than ${MAX_CATALOG_BYTES / 1024 / 1024} MiB`);
    }
    await command.end();
    return parseText(text, subject);
  }
}

function parseText(text: string, subject: string): Catalog {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const begin = text.slice(0, 200).replaceAll(/\p{Cc}+/gu, " ");
    throw new AppError("invalid", `${subject} is no JSON: ${begin === "" ? "nothing" : begin}`, {
      cause: error,
    });
  }
  return parseCatalog(value, subject);
}
