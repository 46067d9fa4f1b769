/**
 * What the graph of steps does beyond an image that scrolls: it is made larger and smaller, dragged, and
 * shows what a step is connected with.
 */

const SCALES = [0.25, 0.35, 0.5, 0.7, 0.85, 1, 1.25, 1.6, 2];

for (const frame of document.querySelectorAll("[data-graph]")) equip(frame);

/** What is in the frame comes and goes as the page is kept up to date. */
function equip(frame) {
  const scroll = () => frame.querySelector(".scroll");
  const drawing = () => frame.querySelector(".graph");
  const naturalWidth = () => drawing().viewBox.baseVal.width;
  const scaleNow = () => drawing().getBoundingClientRect().width / naturalWidth();

  /** Keeps the point of the drawing that is under (x, y), by default the middle, where it is. */
  const zoomTo = (scale, x, y) => {
    const view = scroll();
    const atX = x ?? view.clientWidth / 2;
    const atY = y ?? view.clientHeight / 2;
    const before = scaleNow();
    const left = (view.scrollLeft + atX) / before;
    const top = (view.scrollTop + atY) / before;
    const { style } = drawing();
    style.width = `${naturalWidth() * scale}px`;
    style.height = "auto";
    style.maxWidth = "none";
    style.minWidth = "0";
    view.scrollLeft = left * scale - atX;
    view.scrollTop = top * scale - atY;
  };
  const step = (direction, x, y) => {
    if (drawing() === null) return;
    const now = scaleNow();
    const next = direction > 0
      ? SCALES.find((scale) => scale > now * 1.02) ?? SCALES.at(-1)
      : SCALES.findLast((scale) => scale < now * 0.98) ?? SCALES[0];
    zoomTo(next, x, y);
  };
  const fit = () => {
    if (drawing() === null) return;
    drawing().removeAttribute("style");
    const room = scroll().clientWidth - 36;
    if (drawing().getBoundingClientRect().width > room) zoomTo(Math.max(room / naturalWidth(), SCALES[0]));
  };

  const tools = document.createElement("div");
  tools.className = "graph-tools";
  const tool = (text, label, act) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = text;
    button.setAttribute("aria-label", label);
    button.addEventListener("click", act);
    tools.append(button);
  };
  tool("−", "Make the graph smaller", () => step(-1));
  tool("+", "Make the graph larger", () => step(1));
  tool("Fit", "Fit the whole graph", fit);
  // Outside of what is kept up to date, which knows nothing of them.
  frame.closest("section").querySelector(".section-head").append(tools);

  frame.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    const box = scroll()?.getBoundingClientRect();
    if (box !== undefined) step(-event.deltaY, event.clientX - box.left, event.clientY - box.top);
  }, { passive: false });
  frame.addEventListener("keydown", (event) => {
    if (event.target !== scroll() || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "+" || event.key === "=") step(1);
    else if (event.key === "-") step(-1);
    else if (event.key === "0") fit();
    else return;
    event.preventDefault();
  });
  drag(frame, scroll);
  light(frame, drawing);
  show(scroll(), frame.querySelector(".is-selected, .is-current"));
}

/** Brings what is selected to the middle, and leaves the page where it is. */
function show(view, selected) {
  if (view === null || selected === null) return;
  const [outer, inner] = [view.getBoundingClientRect(), selected.getBoundingClientRect()];
  view.scrollLeft += inner.left + inner.width / 2 - outer.left - outer.width / 2;
  view.scrollTop += inner.top + inner.height / 2 - outer.top - outer.height / 2;
}

/** With a mouse; a finger scrolls as it does everywhere. */
function drag(frame, scroll) {
  let from;
  frame.addEventListener("pointerdown", (event) => {
    const view = scroll();
    if (event.pointerType !== "mouse" || event.button !== 0 || view === null) return;
    from = { x: event.clientX, y: event.clientY, left: view.scrollLeft, top: view.scrollTop };
  });
  addEventListener("pointermove", (event) => {
    const view = scroll();
    if (from === undefined || view === null) return;
    if (Math.hypot(event.clientX - from.x, event.clientY - from.y) > 4) frame.classList.add("dragged");
    view.scrollLeft = from.left - (event.clientX - from.x);
    view.scrollTop = from.top - (event.clientY - from.y);
  });
  addEventListener("pointerup", () => {
    from = undefined;
    // After the click that ends it.
    setTimeout(() => frame.classList.remove("dragged"));
  });
  frame.addEventListener("click", (event) => {
    if (frame.classList.contains("dragged")) event.preventDefault();
  }, true);
  frame.addEventListener("dragstart", (event) => event.preventDefault());
}

function light(frame, drawing) {
  const show = (event) => {
    const node = event.target.closest?.(".node");
    const graph = drawing();
    if (graph === null) return;
    const name = node?.dataset.step;
    graph.classList.toggle("lit", name !== undefined);
    const near = new Set([name]);
    for (const edge of graph.querySelectorAll(".edge")) {
      const { from, to } = edge.dataset;
      edge.classList.toggle("near", name !== undefined && (from === name || to === name));
      if (from === name) near.add(to);
      if (to === name) near.add(from);
    }
    for (const other of graph.querySelectorAll(".node")) {
      other.classList.toggle("near", name !== undefined && near.has(other.dataset.step));
    }
  };
  for (const type of ["mouseover", "mouseleave", "focusin", "focusout"]) frame.addEventListener(type, show);
}
