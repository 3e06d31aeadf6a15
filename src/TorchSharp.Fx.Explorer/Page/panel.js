// What is known of the selected node, and pictures of its value.
import { el, get, picture } from "./api.js";

const LABELS = {
  channels: "channels", components: "components", norm: "norm", matrix: "value", attention: "attention", "grad-cam": "Grad-CAM",
  "attention-rollout": "rollout",
};
const GAP = 2;

const number = value => value === null || value === undefined ? "" : Math.abs(value) >= 1e5 || (value !== 0 && Math.abs(value) < 1e-3)
  ? value.toExponential(3) : String(Number(value.toPrecision(5)));
const count = value => value ? value.toLocaleString("en") : "";
const time = (ms, total) => ms === null ? "" : `${number(ms)} ms${total ? `, ${(100 * ms / total).toFixed(1)} % of all` : ""}`;

export class Panel {
  #element; #page; #asked = null; #kind = "channels"; #channel = null; #addresses = [];

  // page: { state, select, choose, toggle, isChosen, tell }
  constructor(element, page) {
    [this.#element, this.#page] = [element, page];
    this.empty();
  }

  empty() {
    this.#asked?.abort();
    this.#element.replaceChildren(el("h2", {}, "No node is selected"),
      el("p", { className: "muted" },
        "Click a node or a folded module. Double click, or its + and −, unfold and fold. Shift and click choose nodes to extract."));
  }

  async show(name) {
    this.#asked?.abort();
    const asked = this.#asked = new AbortController();
    const query = { ...this.#page.view(), node: name, input: this.#page.state.input };
    try {
      const node = await get("node", query, asked.signal);
      if (asked.signal.aborted) return;
      this.#fill(node, query, asked.signal);
    } catch (error) {
      if (error.name === "AbortError") return;
      this.#element.replaceChildren(el("h2", {}, name), el("p", { className: "muted" }, error.message));
    }
  }

  #fill(node, query, signal) {
    this.#addresses.forEach(URL.revokeObjectURL);
    this.#addresses = [];
    this.#element.replaceChildren(
      el("h2", {}, node.name), el("div", { className: "muted" },
        [node.type, node.kind === "module" ? `module, ${node.nodes} nodes` : node.kind].filter(Boolean).join(" · ")),
      el("div", { className: "row" },
        el("button", { id: "choose", ariaPressed: String(this.#page.isChosen(node.name)), onclick: () => this.#page.choose(node.name) },
          this.#page.isChosen(node.name) ? "chosen" : "choose (c)"),
        node.kind === "module" ? el("button", { id: "toggle", onclick: () => this.#page.toggle(node.name) }, "unfold / fold (Enter)")
          : null),
      this.#facts(node), ...(node.value ? this.#value(node, query, signal) : []), ...this.#links("reads", node.inputs),
        ...this.#links("is read by", node.users),
      ...this.#source(node));
  }

  #facts(node) {
    const facts = {
      "has the value of": node.kind === "module" ? node.node : "", operation: ["module", "call_module"].includes(node.kind) ? ""
        : node.target,
      shape: node.value?.shape ? `[${node.value.shape.join(", ")}]` : node.shape,
      type: node.value?.dtype, value: node.value?.text ?? node.value?.numbers?.map(number).join(", "), parameters: count(node.parameters),
      multiplications: count(node.macs), memory: node.bytes ? `${count(node.bytes)} bytes` : "", time: time(node.ms, node.total),
        module: node.module === node.name ? "" : node.module,
    };
    return el("dl", {}, Object.entries(facts).filter(([, value]) => value)
      .flatMap(([name, value]) => [el("dt", {}, name), el("dd", { id: `fact-${name.replaceAll(" ", "-")}` }, value)]));
  }

  #links(title, names) {
    return names.length === 0 ? [] : [el("h3", {}, title),
      el("div", {}, names.slice(0, 30)
        .flatMap(name => [el("button", { className: "link", onclick: () => this.#page.select(name) }, name), " "]),
        names.length > 30 ? `… ${names.length - 30} more` : null)];
  }

  #source(node) {
    const { source, text } = node;
    const parts = [el("h3", {}, "graph"), el("pre", {}, text)];
    if (!source) return parts;
    parts.push(el("h3", {}, `${source.at}${source.method ? `, ${source.method}` : ""}`));
    if (source.lines.length) parts.push(el("pre", { id: "source" }, source.lines.map((line, i) =>
      el("span", { className: i === source.line - 1 ? "here" : "" }, line + (i === source.line - 1 ? "" : "\n")))));
    return parts;
  }

  #value({ value, name }, query, signal) {
    const parts = [];
    const { statistics } = value;
    if (statistics) parts.push(el("h3", {}, "values"), this.#histogram(statistics), el("dl", {},
      ...Object.entries({ mean: statistics.mean, deviation: statistics.std, lowest: statistics.min, highest: statistics.max })
        .flatMap(([key, each]) => [el("dt", {}, key), el("dd", {}, number(each))]),
      el("dt", {}, "zeros"), el("dd", {}, `${(100 * statistics.zeros).toFixed(1)} %`),
      value.others ? [el("dt", {}, "NaN or infinite"), el("dd", {}, count(value.others))] : null));
    if (value.kinds?.length) parts.push(...this.#pictures(value, query, signal));
    return parts;
  }

  #histogram({ histogram, min, max }) {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg"), most = Math.max(...histogram);
    svg.setAttribute("viewBox", `0 0 ${histogram.length} 40`);
    svg.setAttribute("preserveAspectRatio", "none");
    svg.setAttribute("class", "histogram");
    svg.setAttribute("role", "img");
    svg.setAttribute("aria-label", `Histogram from ${number(min)} to ${number(max)}`);
    histogram.forEach((each, i) => {
      const bar = document.createElementNS("http://www.w3.org/2000/svg", "rect"), height = 40 * each / most;
      for (const [key, at] of Object.entries({ x: i + 0.05, y: 40 - height, width: 0.9, height })) bar.setAttribute(key, at);
      svg.append(bar);
    });
    return svg;
  }

  #pictures(value, query, signal) {
    const kinds = [...value.kinds, ...(value.kinds.includes("attention") && this.#page.state.isImage ? ["attention-rollout"] : [])];
    if (!kinds.includes(this.#kind)) this.#kind = kinds[0];
    if (!value.channels.includes(this.#channel)) this.#channel = value.channels[0] ?? 0;
    const image = el("img", { id: "picture", alt: "" }), more = el("div"), told = el("p", { className: "muted" });
    const buttons = kinds.map(kind => el("button", { "data-kind": kind, onclick: () => { this.#kind = kind; draw(); } }, LABELS[kind]));
    const draw = async () => {
      buttons.forEach(button => button.setAttribute("aria-pressed", button.getAttribute("data-kind") === this.#kind));
      image.className = this.#kind === "channels" ? "grid" : "";
      more.replaceChildren(...this.#more(value, query, draw, signal));
      await this.#draw(image, told, { ...query, kind: this.#kind, ...this.#settings() }, signal);
    };
    image.addEventListener("click", event => {
      if (this.#kind !== "channels") return;
      const columns = Math.ceil(Math.sqrt(value.channels.length)), rows = Math.ceil(value.channels.length / columns);
      const place = (at, size, parts) => Math.min(parts - 1, Math.floor(at / (size + GAP / parts) * parts));
      const i = place(event.offsetY, image.clientHeight, rows) * columns + place(event.offsetX, image.clientWidth, columns);
      if (i < value.channels.length) this.#channelChosen(value.channels[i], more, query, signal);
    });
    draw();
    return [el("h3", {}, "pictures"), el("div", { className: "row" }, buttons), image, told, more];
  }

  async #draw(image, told, query, signal) {
    told.textContent = "…";
    try {
      image.src = await picture(query, signal);
      this.#addresses.push(image.src);
      image.alt = `${LABELS[query.kind]} of ${query.node}`;
      told.textContent = "";
    } catch (error) {
      if (error.name === "AbortError") return;
      image.removeAttribute("src");
      told.textContent = error.message;
    }
  }

  // What Grad-CAM is of.
  #of = ""; #class = "";
  #settings() { return this.#kind === "grad-cam" ? { of: this.#of, class: this.#class } : {}; }

  #more(value, query, draw, signal) {
    if (this.#kind === "channels") return value.channels.length ? [el("p", { className: "muted" },
      `${value.channels.length} channels, those that vary most first. Click one.`), el("div", { id: "channel" })] : [];
    if (this.#kind === "norm" || this.#kind === "components") return [el("button", { onclick: () => this.#neighbours(query, signal) },
      "nearest images"), el("div", { id: "near" })];
    if (this.#kind !== "grad-cam") return [];
    const input = el("input", { type: "number", min: 0, value: this.#class, placeholder: "highest", ariaLabel: "class or channel",
      onchange: event => { this.#class = event.target.value; draw(); } });
    const of = el("input", { value: this.#of, placeholder: "the result", ariaLabel: "node",
      onchange: event => { this.#of = event.target.value.trim(); draw(); } });
    return [el("div", { className: "row" }, "class or channel", input, "of", of)];
  }

  async #channelChosen(channel, more, query, signal) {
    this.#channel = channel;
    const place = more.querySelector("#channel"), image = el("img", { alt: `channel ${channel}` }), told = el("p", { className: "muted" });
    place.replaceChildren(el("h3", {}, `channel ${channel}`), image, told,
      el("button", { id: "patches", onclick: () => this.#patches(place, query, channel, signal) }, "what excites it most"));
    await this.#draw(image, told, { ...query, kind: "channel", channel }, signal);
  }

  async #patches(place, query, channel, signal) {
    await this.#page.tell(async () => {
      const found = await get("patches", { ...query, channel }, signal);
      place.querySelector(".patches")?.remove();
      place.append(el("div", { className: "patches" }, found.map(patch => el("figure", {},
        el("img", { src: patch.picture, alt: `${patch.name} at ${patch.box.slice(0, 2).join(", ")}` }),
          el("figcaption", { title: patch.name }, `${number(patch.value)} ${patch.name.split("/").pop()}`)))));
    });
  }

  async #neighbours(query, signal) {
    await this.#page.tell(async () => {
      const found = await get("neighbours", query, signal);
      this.#element.querySelector("#near")
        .replaceChildren(found.length === 0 ? el("p", { className: "muted" }, "There is no other image.")
        : el("div", { className: "patches" },
        found.slice(0, 12).map(other => el("figure", {}, el("img", { src: this.#page.thumbnail(other.id), alt: other.name }),
          el("figcaption", { title: other.name }, `${other.cosine.toFixed(3)} ${other.name.split("/").pop()}`)))));
    });
  }
}
