import { AppError } from "../../contract/errors.ts";
import type { Catalogue, MadeColumn, SqlSession, TargetColumn, TargetTable } from "./system.ts";

/** The part of a catalogue that is the same for database files: one user, and no table depends on another. */
export abstract class FileCatalogue implements Catalogue<TargetColumn> {
  protected readonly session: Pick<SqlSession<TargetColumn>, "rows">;
  readonly #action: string;
  readonly #quoted: string;

  /** `quoted` is the table as SQL, `action` heads the messages. */
  constructor(session: Pick<SqlSession<TargetColumn>, "rows">, action: string, quoted: string) {
    this.session = session;
    this.#action = action;
    this.#quoted = quoted;
  }

  abstract isOurs(made: readonly MadeColumn[]): Promise<boolean>;
  abstract ledgerColumns(): Promise<readonly string[]>;
  protected abstract isView(): Promise<boolean>;
  /** None where there is no such table. */
  protected abstract columns(): Promise<TargetColumn[]>;
  protected abstract uniqueKeys(): Promise<string[][]>;
  /** Empty where there is none. */
  protected abstract primaryKey(): Promise<string[]>;

  protected skippingTriggers(): Promise<string[]> {
    return Promise.resolve([]);
  }

  async inspect(): Promise<TargetTable<TargetColumn> | undefined> {
    if (await this.isView()) {
      throw new AppError("invalid", `${this.#action}: it is a view; choose another name`);
    }
    const columns = await this.columns();
    if (columns.length === 0) return undefined;
    return {
      columns,
      uniqueKeys: await this.uniqueKeys(),
      primaryKey: await this.primaryKey(),
      skippingTriggers: await this.skippingTriggers(),
      only: this.#quoted,
      isPartitioned: false,
      heirs: [],
    };
  }

  /** SQLite enforces no foreign keys on our connection, and DuckDB's only ever refuse: they touch nothing else. */
  dependants(): Promise<readonly string[]> {
    return Promise.resolve([]);
  }

  identity(): Promise<string> {
    return Promise.resolve("");
  }
}
