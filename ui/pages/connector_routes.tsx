import { Hono } from "hono";
import type { ConnectorSummary } from "../../contract/discovery.ts";
import { AppError } from "../../contract/errors.ts";
import { quoteName } from "../../contract/names.ts";
import type { AppEnv } from "../../server/http/app_env.ts";
import { ConnectorPage, ConnectorsPage } from "./connectors_page.tsx";
import { forPermitted, forUser, type PageContext, pageResponse, type Visit } from "./page_context.tsx";

/** The connectors, and what their systems say when they are asked. */
export function connectorRoutes(pages: PageContext): Hono<AppEnv> {
  const app = new Hono<AppEnv>();
  const find = async ({ c, engine }: Visit): Promise<ConnectorSummary> => {
    const name = c.req.param("name") ?? "";
    const found = (await engine.listConnectors()).find((one) => one.name === name);
    if (found === undefined) throw new AppError("not_found", `There is no connector ${quoteName(name)}`);
    return found;
  };

  app.get(
    "/connectors",
    forUser(pages, async ({ c, frame, engine }) => {
      const connectors = await engine.listConnectors();
      return pageResponse(c, <ConnectorsPage frame={frame} connectors={connectors} />);
    }),
  );

  app.get(
    "/connectors/:name",
    forUser(pages, async (visit) => {
      const { c, frame } = visit;
      const connector = await find(visit);
      const view = { frame, connector, mayAsk: frame.may("connector:use", connector.name) };
      return pageResponse(c, <ConnectorPage {...view} />);
    }),
  );

  app.post(
    "/connectors/:name/test",
    forPermitted(pages, "connector:use", async (visit) => {
      const { engine } = visit;
      const connector = await find(visit);
      const test = await engine.testConnector(connector.name, visit.c.req.raw.signal);
      const view = { frame: visit.frame, connector, mayAsk: true, test };
      return pageResponse(visit.c, <ConnectorPage {...view} />);
    }),
  );

  app.post(
    "/connectors/:name/discover",
    forPermitted(pages, "connector:use", async (visit) => {
      const { engine } = visit;
      const connector = await find(visit);
      const streams = await engine.discoverStreams(connector.name, visit.c.req.raw.signal);
      const view = { frame: visit.frame, connector, mayAsk: true, streams };
      return pageResponse(visit.c, <ConnectorPage {...view} />);
    }),
  );
  return app;
}
