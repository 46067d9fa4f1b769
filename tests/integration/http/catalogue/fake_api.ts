import type { IncomingMessage } from "node:http";
import { LocalServer } from "../../../support/api_bench.ts";

/** A request as an API of the catalogue gets it. */
export interface Call {
  readonly method: string;
  /** With the address that the server was called by. */
  readonly url: URL;
  readonly path: string;
  readonly params: URLSearchParams;
  header(name: string): string;
  /** Of JSON; of a form its fields. */
  readonly body: Readonly<Record<string, unknown>>;
}

/** A server that does what an API's documentation says, with data of its own and pages that are small. */
export interface FakeApi {
  /** In the catalogue. */
  readonly name: string;
  /** Addresses that the definition calls, all of which the server stands for. */
  readonly origins: readonly string[];
  readonly values: Readonly<Record<string, string>>;
  readonly secrets: Readonly<Record<string, string>>;
  /** What is read, with parents; undefined: all of it. Other streams are asked for as one of these is. */
  readonly streams: readonly string[] | undefined;
  /** A value is sent as JSON. */
  answer(call: Call): unknown;
  /** What is in the warehouse after the first run: a query, and its rows as text. */
  readonly first: Readonly<Record<string, readonly string[]>>;
  /** Of an API with a window: what happens between the runs. */
  change?(): void;
  /** The streams of the second run. */
  readonly again?: readonly string[];
  readonly second?: Readonly<Record<string, readonly string[]>>;
  /** Requests of the second run, as method, path, query and body. */
  readonly asked?: readonly RegExp[];
}

export interface RunningApi extends AsyncDisposable {
  readonly api: FakeApi;
  readonly server: LocalServer;
  /** Requests since this was last emptied. */
  readonly asked: string[];
  /** How often it wanted to be asked again. */
  readonly busy: () => number;
}

/** Starts the API; its fourth request is told to come again. */
export async function startFake(api: FakeApi): Promise<RunningApi> {
  const asked: string[] = [];
  let count = 0;
  let busy = 0;
  const server = await LocalServer.http((request, response) => {
    let body = "";
    request.on("data", (piece) => body += piece);
    request.on("end", () => {
      const call = callOf(request, body);
      asked.push(`${call.method} ${call.path}${decodeURIComponent(call.url.search)} ${body}`);
      count++;
      const isBusy = count === 4;
      if (isBusy) busy++;
      const found = isBusy
        ? new Response('{"message":"too many requests"}', { status: 429, headers: { "retry-after": "0" } })
        : api.answer(call);
      const answer = found instanceof Response ? found : Response.json(found);
      void answer.text().then((text) => {
        response.writeHead(answer.status, Object.fromEntries(answer.headers)).end(text);
      });
    });
  });
  return {
    api,
    server,
    asked,
    busy: () => busy,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

function callOf(request: IncomingMessage, body: string): Call {
  const url = new URL(request.url ?? "/", `http://${request.headers.host}`);
  const header = (name: string) => String(request.headers[name] ?? "");
  const isForm = header("content-type").startsWith("application/x-www-form-urlencoded");
  return {
    method: request.method ?? "",
    url,
    path: url.pathname,
    params: url.searchParams,
    header,
    body: body === "" ? {} : isForm ? Object.fromEntries(new URLSearchParams(body)) : JSON.parse(body),
  };
}

export const failed = (status: number, message: string): Response => Response.json({ message }, { status });

/** The path's parts behind the prefix; undefined for another path. */
export const below = (path: string, prefix: string): readonly string[] | undefined =>
  path.startsWith(prefix) ? path.slice(prefix.length).split("/").filter((part) => part !== "") : undefined;

/** A page of the list by its number, from 1. */
export function numbered<T>(list: readonly T[], number: number, size: number): readonly T[] {
  return list.slice((number - 1) * size, number * size);
}

/** The address with another parameter. */
export function withParam(url: URL, name: string, value: string): string {
  const next = new URL(url);
  next.searchParams.set(name, value);
  return next.href;
}
