/** A request as an engine has it. */
export interface VaultQuery {
  readonly method: string;
  /** Below /v1/, or below the engine's own path; decoded. */
  readonly path: string;
  readonly search: URLSearchParams;
  readonly body: Readonly<Record<string, unknown>>;
  readonly headers: Headers;
}

export interface VaultAnswer {
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The envelope that every answer with data has. */
export const answer = (data: Readonly<Record<string, unknown>>): Record<string, unknown> => ({
  request_id: crypto.randomUUID(),
  lease_id: "",
  renewable: false,
  lease_duration: 0,
  data,
  wrap_info: null,
  warnings: null,
  auth: null,
});

export const found = (data: Readonly<Record<string, unknown>>): VaultAnswer => ({
  status: 200,
  body: answer(data),
});

export const refused = (status: number, ...errors: string[]): VaultAnswer => ({ status, body: { errors } });

export const notFound = (): VaultAnswer => refused(404);
