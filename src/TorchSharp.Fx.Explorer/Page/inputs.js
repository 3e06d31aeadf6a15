// The images and tensors at the bottom of the page, and what adds to them.
import { address, el, post, upload } from "./api.js";

export const thumbnail = id => address("picture", { kind: "image", input: id });

export class Inputs {
  #element; #page; #model; #all = [];

  // page: { state, show, tell }
  constructor(element, page, model) {
    [this.#element, this.#page, this.#model, this.#all] = [element, page, model, [...model.inputs]];
    this.#listen();
    this.fill();
  }

  get all() { return this.#all; }

  fill() {
    this.#element.replaceChildren(...this.#all.map(input => el("button", {
      className: "input", title: input.name, ariaPressed: String(input.id === this.#page.state.input),
      onclick: () => this.#page.show(input),
    }, input.isImage ? el("img", { src: thumbnail(input.id), alt: "", loading: "lazy" }) : null,
      el("span", {}, input.name.split("/").pop()))), this.#adding());
  }

  #adding() {
    const files = el("input", { type: "file", multiple: true, hidden: true, id: "files",
      onchange: event => this.#take(event.target.files) });
    const parts = [el("button", { onclick: () => files.click() }, this.#model.takesImages ? "add images or tensors" : "add tensors"),
      files];
    const rows = this.#model.placeholders.slice(0, 4)
      .map(name => el("input", { name, placeholder: "numbers: 101 2023 102", ariaLabel: `numbers for ${name}` }));
    const typed = el("details", { open: !this.#model.takesImages && this.#all.length === 0 }, el("summary", {}, "type numbers"),
      rows.map(row => el("label", {}, row.name, row)),
      el("button", { id: "run", onclick: () => this.#type(Object.fromEntries(rows.map(row => [row.name, row.value]))) }, "run"));
    return el("div", { className: "add" }, parts, typed);
  }

  #type(rows) {
    return this.#page.tell(async () => this.#added(await post("numbers", {}, rows)));
  }

  // One that is refused does not keep the others back.
  async #take(files) {
    for (const file of files) await this.#page.tell(async () => this.#added(await upload(file)));
  }

  #added(input) {
    this.#all.push(input);
    return this.#page.show(input);
  }

  #listen() {
    const hasFiles = event => [...event.dataTransfer.types].includes("Files");
    addEventListener("dragover", event => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      document.body.classList.add("dropping");
    });
    addEventListener("dragleave", event => { if (!event.relatedTarget) document.body.classList.remove("dropping"); });
    addEventListener("drop", event => {
      event.preventDefault();
      document.body.classList.remove("dropping");
      this.#take(event.dataTransfer.files);
    });
  }
}
