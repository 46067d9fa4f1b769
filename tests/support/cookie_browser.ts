/** Follows redirects as a browser does, with cookies for each host; it runs no scripts. */
export class CookieBrowser {
  /** By host, then by name. */
  readonly cookies = new Map<string, Map<string, string>>();

  /** One request, without following. */
  async ask(url: string, init: RequestInit = {}): Promise<Response> {
    const { host } = new URL(url);
    const jar = this.cookies.get(host) ?? new Map<string, string>();
    this.cookies.set(host, jar);
    const headers = new Headers(init.headers);
    if (jar.size > 0) headers.set("cookie", [...jar].map(([name, value]) => `${name}=${value}`).join("; "));
    const response = await fetch(url, { ...init, headers, redirect: "manual" });
    for (const line of response.headers.getSetCookie()) {
      const [pair = "", ...attributes] = line.split(";");
      const at = pair.indexOf("=");
      const isGone = attributes.some((one) => /^\s*(max-age=0|expires=thu, 01 jan 1970)/i.test(one));
      if (isGone) jar.delete(pair.slice(0, at));
      else jar.set(pair.slice(0, at), pair.slice(at + 1));
    }
    return response;
  }

  /** Follows redirects until one leads to an address that `stop` takes, or until a page comes. */
  async follow(
    url: string,
    init: RequestInit = {},
    stop: (url: string) => boolean = () => false,
  ): Promise<{ readonly url: string; readonly response: Response | undefined }> {
    let [address, request] = [url, init];
    for (let hops = 0; hops < 20; hops++) {
      if (stop(address)) return { url: address, response: undefined };
      const response = await this.ask(address, request);
      const location = response.headers.get("location");
      if (location === null) return { url: address, response };
      await response.body?.cancel();
      [address, request] = [new URL(location, address).href, {}];
    }
    throw new Error(`too many redirects from ${url}`);
  }

  /** Sends the first form of a page with these fields beside its hidden ones. */
  async submit(
    page: { readonly url: string; readonly response: Response | undefined },
    fields: Readonly<Record<string, string>>,
    stop?: (url: string) => boolean,
  ): Promise<{ readonly url: string; readonly response: Response | undefined }> {
    const html = await page.response?.text() ?? "";
    const action = /<form[^>]*action="([^"]*)"/.exec(html)?.[1];
    if (action === undefined) throw new Error(`no form at ${page.url}: ${html.slice(0, 500)}`);
    const hidden = [...html.matchAll(/<input[^>]*type="hidden"[^>]*>/g)].map(([input]) => [
      /name="([^"]*)"/.exec(input)?.[1] ?? "",
      /value="([^"]*)"/.exec(input)?.[1] ?? "",
    ]);
    return await this.follow(new URL(action, page.url).href, {
      method: "POST",
      body: new URLSearchParams([...hidden, ...Object.entries(fields)]),
    }, stop);
  }
}
