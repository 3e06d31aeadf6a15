// The page as a whole: what is shown, selected and chosen, and the keys.
import { el, get, post } from "./api.js";
import { GraphView } from "./graph.js";
import { Inputs, thumbnail } from "./inputs.js";
import { Panel } from "./panel.js";
import { Tray } from "./tray.js";

const $ = id => document.getElementById(id);
const KEYS = [["↑ ↓", "the node before or after"], ["Enter", "unfold or fold the selected module"],
  ["Backspace", "fold the module around"], ["c", "choose the selected node"],
  ["/", "search; Enter goes to the first hit"], ["f", "show the whole graph"], ["+ −", "larger, smaller; also Ctrl and the wheel"],
  ["[ ]", "the input before or after"],
  ["t", "dark or light"], ["?", "this list"], ["Esc", "close, or select nothing"]];

const state = { mode: "eval", form: "plain", beside: null, onSecond: false, input: null, isImage: false, open: [], selected: null };
const graph = new GraphView($("canvas"), $("minimap")), second = new GraphView($("canvas2"), $("minimap2"));
const panes = [graph, second];
let inputs, hits = [], atHit = 0, asked = 0, searching;

const first = () => ({ mode: state.mode, form: state.form });
// The graph that the selected node is of.
const view = () => state.onSecond && state.beside ? state.beside : first();
const page = { state, view, thumbnail, tell, select, choose, toggle, show, isChosen: name => tray.names.has(name), changed: () => mark() };
const panel = new Panel($("panel"), page), tray = new Tray($("tray"), page);

// Does something, and tells what went wrong.
async function tell(work) {
  try {
    return await work();
  } catch (error) {
    if (error.name === "AbortError") return;
    $("message").textContent = error.message;
    $("message").hidden = false;
    clearTimeout(tell.timer);
    tell.timer = setTimeout(() => { $("message").hidden = true; }, 8000);
  }
}

async function layout(query = {}, anchor = null, open = state.open) {
  const turn = ++asked;
  const data = await post("graph", { ...first(), ...query }, open);
  const other = state.beside && await post("graph", { ...state.beside, ...query }, open);
  if (turn !== asked) return;
  state.open = [...new Set([...data.open, ...(other?.open ?? [])])];
  graph.show(data, anchor);
  $("status").textContent = `${state.mode}, ${state.form}: ${data.boxes.length} boxes`;
  if (!other) return;
  second.show(other, anchor);
  $("status2").textContent = `${state.beside.mode}, ${state.beside.form}: ${other.boxes.length} boxes`;
}

// Shapes, costs and times come after the graph, as the model has to run for them.
const measure = () => layout({ measure: 1, input: state.input }, state.selected);

async function toggle(name) {
  const isOpen = state.open.includes(name);
  const open = isOpen ? state.open.filter(each => each !== name && !each.startsWith(`${name}.`)) : [...state.open, name];
  await tell(() => layout({}, name, open));
  if (isOpen && state.selected && !isShown(state.selected)) select(name);
}

const isShown = name => panes.some(pane => pane.has(name));

async function select(name) {
  state.selected = graph.selected = second.selected = name;
  panes.forEach(pane => pane.draw());
  if (!name) return panel.empty();
  if (!isShown(name)) await tell(() => open(name));
  panes.forEach(pane => pane.reveal(name));
  await panel.show(name);
}

// Opens the modules around a node.
async function open(name) {
  const { around } = await get("node", { ...view(), node: name });
  await layout({}, null, [...new Set([...state.open, ...around.filter(module => module !== name)])]);
}

function choose(name) {
  if (!name || graph.data.boxes.find(box => box.name === name)?.kind === "output") return;
  tray.choose(name);
  mark();
  if (state.selected === name) panel.show(name);
}

function mark() {
  for (const pane of panes) {
    pane.chosen = new Set(tray.names);
    pane.hits = new Set(hits.map(hit => hit.name));
    pane.draw();
  }
}

async function show(input) {
  [state.input, state.isImage] = [input.id, input.isImage];
  inputs.fill();
  tray.fill();
  await tell(measure);
  if (state.selected) await panel.show(state.selected);
}

async function search(text) {
  if (!text) [hits, atHit] = [[], 0];
  else {
    const found = await get("search", { ...view(), text });
    if ($("search").value.trim() !== text) return;
    [hits, atHit] = [found.hits, 0];
    if (found.count > hits.length) $("status").textContent = `${found.count} hits, the first ${hits.length} are listed`;
  }
  mark();
  fillHits(text);
}

function fillHits(text) {
  $("hits").hidden = !text;
  $("hits").replaceChildren(...(hits.length
    ? hits.slice(0, 60).map((hit, i) =>
    el("li", { ariaSelected: String(i === atHit), onclick: () => go(i) }, hit.name, " ", el("small", {}, hit.type)))
    : [el("li", {}, "Nothing fits.")]));
}

async function go(i) {
  if (!hits[i]) return;
  atHit = i;
  $("hits").hidden = true;
  const { name, around } = hits[i];
  if (!isShown(name)) await tell(() => layout({}, null, [...new Set([...state.open, ...around])]));
  panes.forEach(pane => pane.centre(name));
  await select(name);
  $("canvas").focus();
}

function step(by) {
  const names = (state.onSecond ? second : graph).data.boxes.map(box => box.name), at = names.indexOf(state.selected);
  select(names[Math.min(names.length - 1, Math.max(0, at + by))]);
}

function stepInput(by) {
  const at = inputs.all.findIndex(input => input.id === state.input), next = inputs.all[at + by];
  if (next) show(next);
}

function theme(name) {
  document.documentElement.dataset.theme = graph.theme = second.theme = name;
  localStorage.setItem("theme", name);
  panes.forEach(pane => pane.draw());
}

function help() {
  $("dialog").replaceChildren(el("table", {},
    el("tbody", {}, KEYS.map(([key, what]) => el("tr", {}, el("td", {}, el("kbd", {}, key)), el("td", {}, what))))),
    el("button", { onclick: () => $("dialog").close() }, "close"));
  $("dialog").showModal();
}

// Takes what the fields say, or what they said before where that is refused.
async function change() {
  const before = [state.mode, state.form, state.beside], [mode, form] = $("beside").value.split(".");
  [state.mode, state.form, state.beside] = [$("mode").value, $("form").value, mode ? { mode, form } : null];
  const works = await tell(async () => { await layout(); return true; });
  if (!works) {
    [state.mode, state.form, state.beside] = before;
    [$("mode").value, $("form").value] = before;
    $("beside").value = state.beside ? `${state.beside.mode}.${state.beside.form}` : "";
    return;
  }
  if ($("second").hidden === Boolean(state.beside)) {
    $("second").hidden = !state.beside;
    panes.forEach(pane => pane.begin());
  }
  if (!state.beside) state.onSecond = false;
  await tell(measure);
  if (state.selected) select(isShown(state.selected) ? state.selected : null);
}

const actions = {
  ArrowDown: () => step(1), ArrowUp: () => step(-1), ArrowRight: () => step(1), ArrowLeft: () => step(-1),
  c: () => choose(state.selected), f: () => panes.forEach(pane => pane.fit()),
  "+": () => graph.zoom(1.25), "-": () => graph.zoom(0.8), "[": () => stepInput(-1), "]": () => stepInput(1), "?": help,
  "/": () => $("search").focus(),
  t: () => theme(graph.theme === "dark" ? "light" : "dark"), Escape: () => select(null),
  Enter: () => { if (state.selected) toggle(state.selected); },
  Backspace: () => {
    const around = state.open.filter(module => state.selected?.startsWith(`${module}.`)).sort((a, b) => b.length - a.length)[0];
    if (around) toggle(around);
  },
};

function listen() {
  for (const pane of panes) {
    pane.addEventListener("pick", ({ detail: { name, chooses } }) => {
      state.onSecond = pane === second;
      return chooses ? choose(name) : select(name);
    });
    pane.addEventListener("toggle", ({ detail: { name, kind } }) => { if (kind === "module" || kind === "frame") toggle(name); });
  }
  $("search").addEventListener("input", event => { searching = tell(() => search(event.target.value.trim())); });
  $("search").addEventListener("keydown", event => {
    if (event.key === "Enter") searching?.then(() => go(atHit));
    else if (event.key === "Escape") { event.target.value = ""; search(""); $("canvas").focus(); }
    else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      atHit = Math.max(0, Math.min(hits.length - 1, atHit + (event.key === "ArrowDown" ? 1 : -1)));
      fillHits(event.target.value);
    } else return;
    event.preventDefault();
  });
  addEventListener("keydown", event => {
    if (event.target.closest("input, textarea, select, dialog") || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Enter" && event.target.closest("button, summary")) return;
    const action = actions[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  });
  $("fit").onclick = actions.f;
  $("fold").onclick = () => tell(() => layout({}, null, [])).then(() => graph.begin());
  $("unfold").onclick = () => tell(() => layout({}, null, ["*"])).then(() => graph.begin());
  $("theme").onclick = actions.t;
  $("help").onclick = help;
  $("mode").onchange = $("form").onchange = $("beside").onchange = change;
}

async function start() {
  theme(localStorage.getItem("theme") ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light"));
  listen();
  await layout({ first: 1 });
  graph.begin();
  const model = await get("model");
  $("name").textContent = document.title = model.name.split("/").pop();
  $("name").title = `${model.name}, weights: ${model.weights}, ${model.nodes} nodes`;
  inputs = new Inputs($("inputs"), page, model);
  if (model.inputs.length) await show(model.inputs[0]);
  else await measure();
}

// For tests and for the console.
window.explorer = { graph, second, state, select, toggle };
tell(start);
