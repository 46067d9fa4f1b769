import { below, failed, type FakeApi } from "./fake_api.ts";

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
