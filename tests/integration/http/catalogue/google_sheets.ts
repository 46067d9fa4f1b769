import { below, failed, type FakeApi } from "./fake_api.ts";

import { createVerify, generateKeyPairSync } from "node:crypto";

const SCOPE = "https://www.googleapis.com/auth/spreadsheets.readonly";
const READER = "reader@my-project.iam.gserviceaccount.com";

/** https://developers.google.com/identity/protocols/oauth2/service-account: an assertion is signed, and soon over. */
export function googleSheetsByServiceAccount(): FakeApi {
  const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const sheets = googleSheets();
  const { GOOGLE_CLIENT_SECRET: _, GOOGLE_REFRESH_TOKEN: __, ...secrets } = sheets.secrets;
  return {
    ...sheets,
    name: "google_sheets_service_account",
    values: { spreadsheet: "1AbC", sheets: "Orders,Empty sheet", key: "id", client_email: READER },
    // As it stands in the key file, and gets into an environment from there.
    secrets: {
      ...secrets,
      GOOGLE_PRIVATE_KEY: String(privateKey.export({ type: "pkcs8", format: "pem" })).replaceAll("\n", "\\n"),
    },
    answer(call) {
      if (call.path !== "/token") return sheets.answer(call);
      const { grant_type, assertion } = call.body;
      const [header = "", claims = "", signature = ""] = String(assertion).split(".");
      const parsed = (part: string) => JSON.parse(new TextDecoder().decode(bytesOf(part)));
      const { iss, scope, aud, iat, exp } = parsed(claims);
      const now = Date.now() / 1000;
      const isSigned = parsed(header).alg === "RS256" &&
        createVerify("RSA-SHA256").update(`${header}.${claims}`).verify(publicKey, bytesOf(signature));
      return grant_type === "urn:ietf:params:oauth:grant-type:jwt-bearer" && isSigned && iss === READER &&
          scope === SCOPE && aud === call.url.href && iat <= now && exp > now && exp <= iat + 3600
        ? { access_token: "ya29.a", token_type: "Bearer", expires_in: 3599 }
        : Response.json({ error: "invalid_grant" }, { status: 400 });
    },
  };
}

const bytesOf = (part: string): Uint8Array => Uint8Array.fromBase64(part, { alphabet: "base64url" });

/** https://developers.google.com/workspace/sheets/api: rows as lists, without the empty cells at their ends. */
export function googleSheets(): FakeApi {
  const orders: unknown[][] = [["id", "name", "total"], [1, "Ann", 12.5], [], [2, "Bo"], [3, "", 7]];
  return {
    name: "google_sheets",
    streams: undefined,
    origins: ["https://sheets.googleapis.com", "https://oauth2.googleapis.com"],
    values: { spreadsheet: "1AbC", sheets: "Orders,Empty sheet", key: "id", client_id: "client-1" },
    secrets: { GOOGLE_CLIENT_SECRET: "google-secret-1", GOOGLE_REFRESH_TOKEN: "google-refresh-1" },
    answer({ method, path, params, header, body }) {
      if (path === "/token") {
        const { grant_type, refresh_token, client_id, client_secret } = body;
        return method === "POST" && grant_type === "refresh_token" && client_id === "client-1" &&
            refresh_token === "google-refresh-1" && client_secret === "google-secret-1"
          ? { access_token: "ya29.a", token_type: "Bearer", expires_in: 3599 }
          : Response.json({ error: "invalid_grant" }, { status: 400 });
      }
      if (header("authorization") !== "Bearer ya29.a") return failed(401, "no credentials");
      if (path === "/v4/spreadsheets/1AbC") {
        const titles = ["Orders", "Empty sheet"];
        return params.get("fields") === "sheets.properties"
          ? { sheets: titles.map((title, at) => ({ properties: { sheetId: at, title } })) }
          : failed(400, "too much");
      }
      const [sheet = ""] = below(path, "/v4/spreadsheets/1AbC/values/") ?? [];
      if (params.get("valueRenderOption") !== "UNFORMATTED_VALUE") return failed(400, "as they look");
      const range = { range: `${decodeURIComponent(sheet)}!A1:Z1000`, majorDimension: "ROWS" };
      if (sheet === "Empty%20sheet") return range;
      return sheet === "Orders" ? { ...range, values: orders } : failed(400, "Unable to parse range");
    },
    first: {
      "SELECT id, name, total FROM raw.Orders ORDER BY id": ["1,Ann,12.5", "2,Bo,null", "3,,7"],
      "SELECT sheetId, title FROM raw.sheets ORDER BY 1": ["0,Orders", "1,Empty sheet"],
    },
  };
}
