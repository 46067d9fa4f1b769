/** What a page gave back. */
export interface PageAnswer {
  readonly status: number;
  readonly text: string;
  /** Where it leads. */
  readonly location: string | null;
  readonly headers: Headers;
}

/** A browser without scripts: it keeps cookies, and follows nothing by itself. */
export class PageVisitor {
  readonly cookies = new Map<string, string>();
  readonly #origin: string;

  constructor(origin: string) {
    this.#origin = origin;
  }

  get(path: string): Promise<PageAnswer> {
    return this.#ask(path, { method: "GET" });
  }

  post(path: string, fields: Readonly<Record<string, string>> = {}): Promise<PageAnswer> {
    return this.#ask(path, { method: "POST", body: new URLSearchParams(fields) });
  }

  async #ask(path: string, init: RequestInit): Promise<PageAnswer> {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    const response = await fetch(`${this.#origin}${path}`, {
      ...init,
      headers: { "sec-fetch-site": "same-origin", ...(cookie === "" ? {} : { cookie }) },
      redirect: "manual",
    });
    for (const set of response.headers.getSetCookie()) {
      const [pair = ""] = set.split(";");
      const at = pair.indexOf("=");
      const [name, value] = [pair.slice(0, at), pair.slice(at + 1)];
      if (/max-age=0/i.test(set) || value === "") this.cookies.delete(name);
      else this.cookies.set(name, value);
    }
    const { status, headers } = response;
    return { status, text: await response.text(), location: headers.get("location"), headers };
  }
}
