// The chosen nodes, with the code, the command and the files that extract them.
import { el, get, save } from "./api.js";

export class Tray {
  #element; #page; #names = new Set(); #shown = "csharp"; #view = {};

  // page: { state, view, changed, tell }
  constructor(element, page) {
    [this.#element, this.#page] = [element, page];
    this.fill();
  }

  get names() { return this.#names; }

  // The nodes are taken from the graph in which the last one was chosen.
  choose(name) {
    if (!this.#names.delete(name)) this.#names.add(name);
    this.#view = this.#page.view();
    this.fill();
  }

  async fill() {
    const names = [...this.#names];
    if (names.length === 0) {
      this.#element.replaceChildren(el("p", { className: "muted" },
        "Choose nodes (c, or shift and click) to get their values as files, and the code and the command that extract them."));
      return;
    }
    const input = this.#page.state.input, query = { ...this.#view, nodes: names.join(","), input };
    const code = el("pre", { id: "code" }, "…");
    const tab = (kind, label) => el("button",
      { id: `show-${kind}`, ariaPressed: String(this.#shown === kind), onclick: () => { this.#shown = kind; this.fill(); } }, label);
    const file = (id, label, path, more) =>
      el("button", { id, disabled: input === null, onclick: () => this.#page.tell(() => save(path, { ...query, ...more })) }, label);
    this.#element.replaceChildren(
      el("div", {}, names.map(name =>
        el("span", { className: "chip" }, name,
        el("button", { ariaLabel: `leave out ${name}`, onclick: () => { this.choose(name); this.#page.changed(); } }, "×")))),
      el("div", { className: "row" }, tab("csharp", "C#"), tab("command", "torchfx"),
        el("button", { onclick: () => navigator.clipboard.writeText(code.textContent) }, "copy"),
        file("save-safetensors", "safetensors", "download", { format: "safetensors" }),
          file("save-npy", "npy", "download", { format: "npy" }), file("save-inputs", "inputs", "inputs", {})),
      code);
    await this.#page.tell(async () => { code.textContent = (await get("code", query))[this.#shown]; });
  }
}
