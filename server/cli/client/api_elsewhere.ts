import { AppError } from "../../../contract/errors.ts";
import { isThisMachine } from "../../../contract/network/this_machine.ts";
import type { CliContext } from "../command.ts";
import type { ApiClient } from "./api_client.ts";

/**
 * The API of a server elsewhere, that `--url` names. What is sent there is a token and perhaps the project: others must not
 * read along. Throws invalid where they could, and without SLUICE_TOKEN.
 */
export async function apiElsewhere(url: string, { env }: Pick<CliContext, "env">): Promise<ApiClient> {
  const parsed = URL.parse(url);
  const token = env("SLUICE_TOKEN") ?? "";
  if (parsed === null || !/^https?:$/.test(parsed.protocol)) {
    throw new AppError(
      "invalid",
      `--url is "${url}", expected the address of a server such as https://sluice.example.com`,
    );
  }
  if (parsed.protocol === "http:" && !isThisMachine(parsed.hostname)) {
    throw new AppError(
      "invalid",
      `--url is "${url}": over http others could read the token, expected https`,
    );
  }
  if (token === "") throw new AppError("invalid", "--url needs a token of that server in SLUICE_TOKEN");
  const { createApiClient } = await import("./api_client.ts");
  return createApiClient({ url: parsed.href, token });
}
