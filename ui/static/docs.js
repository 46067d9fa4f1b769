/** The search of static docs: what can be found lies in a script beside the pages, which is loaded once it is needed. */

const MOST_SHOWN = 30;

const search = document.querySelector(".docs-search");
const input = search.querySelector("input");
const results = search.querySelector("#search-results");
search.hidden = false;

let loading;
const load = () => {
  loading ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = document.body.dataset.search;
    script.addEventListener("load", () => resolve(globalThis.sluiceSearch));
    script.addEventListener("error", () => reject(new Error("the search index cannot be read")));
    document.head.append(script);
  });
  return loading;
};

/** Lower is better; undefined where not every word is found. */
function rankOf([kind, name, of, , words], wanted) {
  const [lower, beside] = [name.toLowerCase(), `${of} ${words}`.toLowerCase()];
  let rank = kind === "column" ? 1 : 0;
  for (const word of wanted) {
    if (lower === word) continue;
    if (lower.startsWith(word)) rank += 2;
    else if (lower.includes(word)) rank += 4;
    else if (beside.includes(word)) rank += 8;
    else return undefined;
  }
  return rank;
}

function show(found) {
  const items = found.map(([kind, name, of, path]) => {
    const item = document.createElement("li");
    const link = document.createElement("a");
    link.href = document.body.dataset.root + path;
    const [title, about] = [document.createElement("span"), document.createElement("span")];
    title.textContent = name;
    about.textContent = of === "" ? kind : `${kind} of ${of}`;
    about.className = "muted";
    link.append(title, " ", about);
    item.append(link);
    return item;
  });
  if (items.length === 0) {
    const item = document.createElement("li");
    item.className = "docs-nothing";
    item.textContent = "Nothing has this in its name or description.";
    items.push(item);
  }
  results.replaceChildren(...items);
  results.hidden = false;
}

async function find() {
  const wanted = input.value.toLowerCase().split(/\s+/).filter((word) => word !== "");
  if (wanted.length === 0) {
    results.hidden = true;
    return;
  }
  const entries = await load();
  const ranked = entries.map((entry) => ({ entry, rank: rankOf(entry, wanted) }))
    .filter(({ rank }) => rank !== undefined)
    .sort((one, other) => one.rank - other.rank);
  show(ranked.slice(0, MOST_SHOWN).map(({ entry }) => entry));
}

input.addEventListener("focus", load);
input.addEventListener("input", find);
document.addEventListener("click", (event) => {
  if (!search.contains(event.target)) results.hidden = true;
});
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && !/^(?:INPUT|TEXTAREA|SELECT)$/.test(document.activeElement?.tagName ?? "")) {
    event.preventDefault();
    input.focus();
    return;
  }
  if (!search.contains(event.target)) return;
  if (event.key === "Escape") {
    results.hidden = true;
    input.focus();
    return;
  }
  if (event.key === "Enter" && event.target === input) {
    results.querySelector("a")?.click();
    return;
  }
  const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
  if (step === 0 || results.hidden) return;
  const places = [input, ...results.querySelectorAll("a")];
  event.preventDefault();
  places[(places.indexOf(event.target) + step + places.length) % places.length]?.focus();
});
