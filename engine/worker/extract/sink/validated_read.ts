import type { StreamRequest } from "../../../../contract/connector/source.ts";
import type { JsonValue } from "../../../../contract/json.ts";
import type { StreamDefinition } from "../../../../contract/pipeline/stream.ts";
import type { DuckSession } from "../../../duckdb/session.ts";
import type { StreamState } from "../../../warehouse/stream_state.ts";
import { countRows, isStillThere, type ValidatedRows } from "../../../warehouse/validated_rows.ts";

export interface ValidatedReadOptions {
  readonly session: DuckSession;
  readonly name: string;
  readonly stream: StreamDefinition;
}

/** What a source is asked with whether anything has changed, and what the next run may ask it with. */
export class ValidatedRead {
  readonly #options: ValidatedReadOptions;
  readonly #known: ValidatedRows | undefined;
  #fingerprint: string | undefined;
  #validators: JsonValue | undefined;

  /** `known`: what came with the rows that are there. */
  constructor(options: ValidatedReadOptions, known: ValidatedRows | undefined) {
    this.#options = options;
    this.#known = known;
  }

  /** `fingerprint` is that of the definition; `mayAsk` whether the rows that are there would do. */
  async ask(fingerprint: string, mayAsk: boolean): Promise<Pick<StreamRequest, "validators">> {
    this.#fingerprint = fingerprint;
    const { session, name, stream } = this.#options;
    const known = this.#known;
    if (!mayAsk || known?.fingerprint !== fingerprint) return {};
    return await isStillThere(session, name, stream, known) ? { validators: known.validators } : {};
  }

  /** What came with the rows that are read. */
  took(validators: JsonValue | undefined): void {
    if (validators !== undefined) this.#validators = validators;
  }

  /** What the next run may ask the source with; called when the rows are in their table. */
  async state(): Promise<Pick<StreamState, "validated">> {
    const { session, name } = this.#options;
    const [fingerprint, validators] = [this.#fingerprint, this.#validators];
    if (fingerprint === undefined || validators === undefined) return {};
    return { validated: { fingerprint, validators, rows: await countRows(session, name) } };
  }
}
