import { AppError } from "../../contract/errors.ts";
import { env } from "./environment.ts";

/** Where people reach the server; undefined where SLUICE_PUBLIC_URL does not say. Throws `invalid`. */
export function readPublicUrl(): string | undefined {
  const text = env("SLUICE_PUBLIC_URL");
  if (text === undefined || text === "") return undefined;
  if (/^https?:\/\/[^\s?#]+$/.test(text) && URL.canParse(text)) return text;
  throw new AppError(
    "invalid",
    `SLUICE_PUBLIC_URL is "${text}", expected an address as https://sluice.example.com`,
  );
}
