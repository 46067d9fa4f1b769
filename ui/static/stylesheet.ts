import base from "./style/base.css" with { type: "text" };
import colours from "./style/colours.css" with { type: "text" };
import frame from "./style/frame.css" with { type: "text" };
import sections from "./style/sections.css" with { type: "text" };
import states from "./style/states.css" with { type: "text" };
import auditPage from "./style/pages/audit.css" with { type: "text" };
import errorPage from "./style/pages/error.css" with { type: "text" };
import loginPage from "./style/pages/login.css" with { type: "text" };
import peoplePage from "./style/pages/people.css" with { type: "text" };
import secretsPage from "./style/pages/secrets.css" with { type: "text" };
import pipelinesPage from "./style/pages/pipelines.css" with { type: "text" };
import queryPage from "./style/pages/query.css" with { type: "text" };
import account from "./style/parts/account.css" with { type: "text" };
import attemptList from "./style/parts/runs/attempt_list.css" with { type: "text" };
import buttons from "./style/parts/buttons.css" with { type: "text" };
import callouts from "./style/parts/callouts.css" with { type: "text" };
import checkList from "./style/parts/check_list.css" with { type: "text" };
import dataTable from "./style/parts/data_table.css" with { type: "text" };
import diff from "./style/parts/diff.css" with { type: "text" };
import empty from "./style/parts/empty.css" with { type: "text" };
import facts from "./style/parts/facts.css" with { type: "text" };
import factorParts from "./style/parts/factors.css" with { type: "text" };
import fields from "./style/parts/fields.css" with { type: "text" };
import formCard from "./style/parts/form_card.css" with { type: "text" };
import history from "./style/parts/history.css" with { type: "text" };
import lineage from "./style/parts/lineage.css" with { type: "text" };
import loads from "./style/parts/loads.css" with { type: "text" };
import problems from "./style/parts/problems.css" with { type: "text" };
import streams from "./style/parts/streams.css" with { type: "text" };
import rows from "./style/parts/rows.css" with { type: "text" };
import runLog from "./style/parts/runs/run_log.css" with { type: "text" };
import runTable from "./style/parts/runs/run_table.css" with { type: "text" };
import sourceCode from "./style/parts/source_code.css" with { type: "text" };
import stepGraph from "./style/parts/step_graph.css" with { type: "text" };
import stepTimeline from "./style/parts/step_timeline.css" with { type: "text" };
import tabs from "./style/parts/tabs.css" with { type: "text" };

/**
 * The one stylesheet of all pages. What every page shows comes first, then the parts, then what only one
 * page has; a later piece may go further than an earlier one, never the other way round. Each piece holds
 * its own rules for narrow windows at its end.
 */
export const STYLESHEET = [
  ...[colours, base, frame, sections, states],
  ...[buttons, fields, tabs, facts, callouts, empty, runTable],
  ...[
    stepGraph,
    lineage,
    rows,
    stepTimeline,
    checkList,
    sourceCode,
    diff,
    runLog,
    dataTable,
    loads,
    streams,
    attemptList,
    history,
    formCard,
    factorParts,
    problems,
    account,
  ],
  ...[peoplePage, secretsPage, auditPage, pipelinesPage, queryPage, loginPage, errorPage],
].join("\n");
