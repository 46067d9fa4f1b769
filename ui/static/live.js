/**
 * What the pages do beyond HTML: they bring the parts marked `data-live` up to date, let durations
 * grow, follow a run's log, and show times in the reader's own zone on hover. Without this script
 * everything still works by reloading.
 */

const MISSING = "–";
const MAX_LOG_LINES = 5_000;

let clockSkewMs = Date.now() - Number(document.body.dataset.now);
let refreshTimer;
let isRefreshing = false;
let isRefreshWanted = false;
const progressRows = new Map();
const progressTraffic = new Map();
const progressSpeed = new Map();

/* Keeping the page up to date */

async function refresh() {
  if (isRefreshing) {
    isRefreshWanted = true;
    return;
  }
  isRefreshing = true;
  try {
    const response = await fetch(location.href, { headers: { "x-sluice-refresh": "1" } });
    if (response.redirected) return location.reload();
    if (response.ok) adopt(new DOMParser().parseFromString(await response.text(), "text/html"));
  } catch {
    // The server is away for a moment: the next round tries again.
  } finally {
    isRefreshing = false;
    if (isRefreshWanted) {
      isRefreshWanted = false;
      refreshSoon(300);
    } else {
      schedule();
    }
  }
}

function adopt(fresh) {
  clockSkewMs = Date.now() - Number(fresh.body.dataset.now);
  document.title = fresh.title;
  for (const part of document.querySelectorAll("[data-live]")) {
    const next = fresh.getElementById(part.id);
    if (next !== null) morph(part, next);
  }
  for (const [step, rows] of progressRows) showProgress(step, rows);
  for (const [step, traffic] of progressTraffic) showTraffic(step, traffic);
  for (const step of progressSpeed.keys()) showSpeed(step);
  const seconds = fresh.body.dataset.refreshSeconds;
  if (seconds === undefined) delete document.body.dataset.refreshSeconds;
  else document.body.dataset.refreshSeconds = seconds;
}

function schedule() {
  const seconds = Number(document.body.dataset.refreshSeconds);
  if (seconds > 0) refreshSoon(seconds * 1_000);
}

function refreshSoon(waitMs) {
  clearTimeout(refreshTimer);
  refreshTimer = setTimeout(() => document.hidden ? schedule() : refresh(), waitMs);
}

/** Makes `from` the same as `to`, touching only what differs: focus, selection and scrolling stay. */
function morph(from, to) {
  if (from.nodeName !== to.nodeName || from.id !== to.id) {
    from.replaceWith(document.importNode(to, true));
    return;
  }
  if (from.nodeType !== Node.ELEMENT_NODE) {
    if (from.nodeValue !== to.nodeValue) from.nodeValue = to.nodeValue;
    return;
  }
  if (from.isEqualNode(to)) return;
  morphAttributes(from, to);
  const before = [...from.childNodes];
  const after = [...to.childNodes];
  for (const [index, node] of after.entries()) {
    if (index < before.length) morph(before[index], node);
    else from.append(document.importNode(node, true));
  }
  for (const node of before.slice(after.length)) node.remove();
}

function morphAttributes(from, to) {
  // Whether a fold is open and how large a drawing is shown is the reader's business.
  const isOwn = (name) => name === "open" || (name === "style" && from.matches(".graph"));
  for (const { name, value } of to.attributes) {
    if (!isOwn(name) && from.getAttribute(name) !== value) from.setAttribute(name, value);
  }
  for (const { name } of [...from.attributes]) {
    if (!isOwn(name) && !to.hasAttribute(name)) from.removeAttribute(name);
  }
}

/* Durations and times */

function formatDuration(durationMs) {
  const ms = Math.max(0, durationMs);
  const two = (value) => String(Math.floor(value)).padStart(2, "0");
  if (ms < 60_000) return `${(Math.floor(ms / 100) / 10).toFixed(1)} s`;
  if (ms < 3_600_000) return `${Math.floor(ms / 60_000)} m ${two(ms % 60_000 / 1_000)} s`;
  if (ms < 86_400_000) return `${Math.floor(ms / 3_600_000)} h ${two(ms % 3_600_000 / 60_000)} m`;
  return `${Math.floor(ms / 86_400_000)} d ${Math.floor(ms % 86_400_000 / 3_600_000)} h`;
}

function tick() {
  const nowMs = Date.now() - clockSkewMs;
  for (const element of document.querySelectorAll("[data-since]")) {
    element.textContent = formatDuration(nowMs - Date.parse(element.dataset.since));
  }
  for (const step of progressSpeed.keys()) showSpeed(step);
}

const LOCAL = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "long" });

function showLocalTime(event) {
  const time = event.target instanceof Element ? event.target.closest("time[datetime]") : null;
  if (time === null || time.dataset.local !== undefined) return;
  const at = new Date(time.dateTime);
  if (Number.isNaN(at.getTime())) return;
  time.dataset.local = "";
  time.title = [time.title, LOCAL.format(at)].filter((line) => line !== "").join("\n");
}

/* A run's events */

// The same as plainText() of the server's text.ts.
const SEQUENCES =
  // deno-lint-ignore no-control-regex -- terminal sequences and control characters are what it takes out
  /(?:\u001b\[|\u009b)[0-?]*[ -/]*[@-~]?|(?:\u001b\]|\u009d)[^\u0007\u001b\u009c\n]*(?:\u0007|\u001b\\|\u009c)?|\u001b[@-_]?|[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g;

function followRun(log) {
  const list = document.getElementById("log-lines");
  let lastSeq = Number(log.dataset.after);
  let lastAttempt = log.dataset.attempt === "" ? 1 : Number(log.dataset.attempt);
  let waiting = [];
  const source = new EventSource(`${log.dataset.events}?after=${lastSeq}`);

  const flush = () => {
    const isAtEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
    for (const line of waiting) {
      const attempt = line.attempt ?? 1;
      if (attempt !== lastAttempt) list.append(element("li", "log-attempt", `Attempt ${attempt}`));
      lastAttempt = attempt;
      list.append(logItem(line));
    }
    waiting = [];
    while (list.childElementCount > MAX_LOG_LINES) list.firstElementChild.remove();
    if (isAtEnd) log.scrollTop = log.scrollHeight;
  };
  source.addEventListener("log", ({ data }) => {
    const { line } = JSON.parse(data);
    if (line.seq <= lastSeq) return;
    lastSeq = line.seq;
    if (waiting.push(line) === 1) setTimeout(flush, 50);
  });
  source.addEventListener("progress", ({ data }) => {
    const { step, rows, traffic, ...speed } = JSON.parse(data);
    if (rows > 0) {
      progressRows.set(step, rows);
      showProgress(step, rows);
    }
    progressSpeed.set(step, { ...speed, rows });
    showSpeed(step);
    if (traffic === undefined) return;
    progressTraffic.set(step, traffic);
    showTraffic(step, traffic);
  });
  source.addEventListener("step", () => refreshSoon(200));
  source.addEventListener("run", ({ data }) => {
    const { run } = JSON.parse(data);
    if (run.finished_at !== null && run.state !== "queued" && run.state !== "running") source.close();
    refreshSoon(200);
  });
  addEventListener("pagehide", () => source.close());
}

function logItem({ at, level, step, message }) {
  const item = element("li", `log-line level-${level}`);
  const time = element("time", "", at.slice(11, 23));
  time.dateTime = at;
  const text = element("span", "log-text");
  if (step !== null) text.append(element("span", "log-step", step));
  text.append(message.replaceAll("\r\n", "\n").replace(SEQUENCES, ""));
  item.append(time, element("span", "log-level", level), text);
  return item;
}

function element(name, className, text = "") {
  const made = document.createElement(name);
  if (className !== "") made.className = className;
  made.textContent = text;
  return made;
}

/** A finished step has its own count by then; until then the count of what has passed so far. */
function showProgress(step, rows) {
  for (const cell of document.querySelectorAll("[data-progress]")) {
    const isOpen = cell.textContent === MISSING || cell.dataset.counting !== undefined;
    if (cell.dataset.progress !== step || !isOpen) continue;
    cell.dataset.counting = "";
    cell.textContent = rows.toLocaleString("en-US");
  }
}

// The same as trafficText() of the server's contract/streams/traffic.ts.
const SHOWN_WAIT_MS = 50;

/** What the requests of a step that is running have come to. */
function showTraffic(step, { requests, pages, retries, redirects, waited_ms: waitedMs }) {
  const plural = (count, one, several = `${one}s`) =>
    `${count.toLocaleString("en-US")} ${count === 1 ? one : several}`;
  const parts = [
    plural(requests, "request"),
    pages > 0 && plural(pages, "page"),
    retries > 0 && plural(retries, "retry", "retries"),
    redirects > 0 && plural(redirects, "redirect"),
    waitedMs >= SHOWN_WAIT_MS && `waited ${formatDuration(waitedMs)}`,
  ];
  for (const line of document.querySelectorAll("[data-traffic]")) {
    if (line.dataset.traffic === step) line.textContent = parts.filter((part) => part !== false).join(", ");
  }
}

// The same as progressText() of the server's contract/runs/progress.ts, formatShortCount(), formatBytes() and formatWait().
function scale(value, units) {
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1_000;
    unit += 1;
  }
  return `${value.toFixed(unit === 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2)}${units[unit]}`;
}

const shortCount = (count) =>
  count < 10_000 ? count.toLocaleString("en-US") : scale(count, ["", " k", " M", " G", " T"]);
const bytes = (size) => scale(size, [" B", " kB", " MB", " GB", " TB", " PB"]);
const percent = (share) => `${Math.floor(share * 100)} %`;

function wait(ms) {
  if (ms < 60_000) return `${Math.floor(ms / 1_000)} s`;
  if (ms < 3_600_000) return `${Math.floor(ms / 60_000)} min`;
  const [unitMs, unit, smallMs, small] = ms < 86_400_000
    ? [3_600_000, "h", 60_000, "min"]
    : [86_400_000, "d", 3_600_000, "h"];
  const rest = Math.floor(ms % unitMs / smallMs);
  return `${Math.floor(ms / unitMs)} ${unit}${rest === 0 ? "" : ` ${rest} ${small}`}`;
}

/** How fast a step goes that is running, and how long it may take. */
function showSpeed(step) {
  const known = progressSpeed.get(step);
  const { rows, size_bytes: size, total_rows: totalRows, total_bytes: totalBytes } = known;
  const { rows_per_second: rowSpeed, bytes_per_second: byteSpeed } = known;
  const leftMs = known.ends_at === null ? 0 : Date.parse(known.ends_at) - (Date.now() - clockSkewMs);
  const basis = known.ends_by === "last_runs" ? " by the last runs" : "";
  const parts = [
    totalBytes > 0 && size !== null && totalBytes >= size
      ? `${percent(size / totalBytes)} of ${bytes(totalBytes)}`
      : totalRows > 0 && totalRows >= rows &&
        `${percent(rows / totalRows)} of about ${shortCount(totalRows)} rows`,
    leftMs >= 1_000 && `about ${wait(leftMs)} left${basis}`,
    rowSpeed > 0 && `${shortCount(rowSpeed)} rows/s`,
    byteSpeed > 0 && `${bytes(byteSpeed)}/s`,
  ];
  for (const line of document.querySelectorAll("[data-speed]")) {
    if (line.dataset.speed === step) line.textContent = parts.filter((part) => part !== false).join(", ");
  }
}

/* Forms and menus */

function disableWhileSending({ target }) {
  if (target.method !== "post") return;
  // After the event, so that the button's own value is still sent.
  setTimeout(() => setDisabled(target, true));
}

function setDisabled(form, isDisabled) {
  for (const button of form.querySelectorAll("button[type=submit]")) button.disabled = isDisabled;
}

function closeMenus(event) {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    const isOutside = event.type === "click" && !menu.contains(event.target);
    if (event.key !== "Escape" && !isOutside) continue;
    menu.open = false;
    if (event.key === "Escape") menu.querySelector("summary").focus();
  }
}

document.addEventListener("submit", disableWhileSending);
document.addEventListener("click", closeMenus);
document.addEventListener("keydown", closeMenus);
document.addEventListener("mouseover", showLocalTime);
document.addEventListener("focusin", showLocalTime);
document.addEventListener("change", ({ target }) => {
  if (target.matches("select[data-submit]")) target.form.requestSubmit();
});
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && document.body.dataset.refreshSeconds !== undefined) refreshSoon(0);
});
addEventListener("pageshow", ({ persisted }) => {
  if (!persisted) return;
  for (const form of document.forms) setDisabled(form, false);
  refreshSoon(0);
});

const log = document.getElementById("log");
if (log !== null) {
  // What was looked for is read from its first line on.
  if (!log.matches(".all-levels")) log.scrollTop = log.scrollHeight;
  if (log.dataset.events !== undefined) followRun(log);
}
setInterval(tick, 1_000);
schedule();
