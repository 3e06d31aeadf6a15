// The graph on a canvas: the server lays it out, this shows the part that is seen, and moves it.
import { KINDS, READABLE, paint } from "./painter.js";

const LARGEST = 4;

// Whether a picture has all that another shows.
const covers = (picture, other) => picture.x >= other.x && picture.y >= other.y && picture.width - picture.x >= other.width - other.x
  && picture.height - picture.y >= other.height - other.y;

export class GraphView extends EventTarget {
  #canvas; #map; #context; #mapPicture; #data = { boxes: [], frames: [], lines: [], width: 1, height: 1 };
  #x = 0; #y = 0; #scale = 1; #waiting = false; #byName = new Map();
  #layer = null; #isPanning = false;
  selected = null; hits = new Set(); chosen = new Set(); theme = "light"; frames = 0;

  constructor(canvas, map) {
    super();
    [this.#canvas, this.#map, this.#context] = [canvas, map, canvas.getContext("2d", { alpha: false })];
    new ResizeObserver(() => this.#resize()).observe(canvas);
    this.#listen();
    this.#listenMap();
  }

  get data() { return this.#data; }

  // Shows a layout; what was under the pointer, or selected, stays where it was.
  show(data, anchor) {
    const before = anchor && this.place(anchor);
    this.#data = data;
    this.#byName = new Map([...data.frames, ...data.boxes].map(box => [box.name, box]));
    this.#mapPicture = null;
    if (before) {
      const after = this.place(anchor);
      if (after) this.#move(this.#x + before.x - after.x, this.#y + before.y - after.y, this.#scale);
    }
    this.draw();
  }

  has(name) { return this.#byName.has(name); }

  // The middle of a node or of a frame's title, in the window's pixels.
  place(name) {
    const box = this.#byName.get(name);
    if (!box) return null;
    const area = this.#canvas.getBoundingClientRect(), isFrame = "depth" in box;
    return {
      x: area.left + this.#x + (isFrame ? box.x + 14 : box.x + box.w / 2) * this.#scale,
      y: area.top + this.#y + (isFrame ? box.y + 9 : box.y + box.h / 2) * this.#scale,
    };
  }

  fit() {
    const { clientWidth: width, clientHeight: height } = this.#canvas, { width: w, height: h } = this.#data;
    const scale = Math.min(1.2, (width - 40) / w, (height - 40) / h);
    this.#move((width - w * scale) / 2, (height - h * scale) / 2, scale);
  }

  // The start of the graph in a size that can be read.
  begin() {
    this.fit();
    if (this.#scale < READABLE) this.#move((this.#canvas.clientWidth - this.#data.width * 0.8) / 2, 20, 0.8);
  }

  centre(name) {
    const box = this.#byName.get(name);
    if (!box) return;
    const scale = Math.max(this.#scale, 0.8);
    this.#move(this.#canvas.clientWidth / 2 - (box.x + box.w / 2) * scale,
      this.#canvas.clientHeight / 2 - (box.y + Math.min(box.h, 200) / 2) * scale, scale);
  }

  reveal(name) {
    const at = this.place(name), area = this.#canvas.getBoundingClientRect();
    if (!at || at.x < area.left + 20 || at.x > area.right - 20 || at.y < area.top + 20 || at.y > area.bottom - 20) this.centre(name);
  }

  zoom(factor, x = this.#canvas.clientWidth / 2, y = this.#canvas.clientHeight / 2) {
    const scale = Math.min(LARGEST, Math.max(0.003, this.#scale * factor)), by = scale / this.#scale;
    this.#move(x - (x - this.#x) * by, y - (y - this.#y) * by, scale);
  }

  // Moves a picture that is larger than what is seen, and draws it again only where that ends.
  pan(dx, dy) {
    [this.#x, this.#y] = [this.#x + dx, this.#y + dy];
    this.#isPanning = true;
    this.#request();
  }

  draw() {
    this.#layer = null;
    this.#request();
  }

  #request() {
    if (this.#waiting) return;
    this.#waiting = true;
    requestAnimationFrame(() => { this.#waiting = false; this.#paint(); });
  }

  #move(x, y, scale) { [this.#x, this.#y, this.#scale] = [x, y, scale]; this.draw(); }

  #resize() {
    const ratio = devicePixelRatio, { clientWidth: width, clientHeight: height } = this.#canvas;
    [this.#canvas.width, this.#canvas.height] = [Math.round(width * ratio), Math.round(height * ratio)];
    this.draw();
  }

  #paint() {
    const context = this.#context, scale = this.#scale, { width, height } = this.#canvas;
    // Whole pixels of the screen, so that a picture that is moved is as sharp as one that is drawn.
    const place = { x: Math.round(devicePixelRatio * this.#x), y: Math.round(devicePixelRatio * this.#y), width, height };
    if (this.#layer && !covers(this.#layer, place)) this.#layer = null;
    if (this.#isPanning) this.#layer ??= this.#drawn(new OffscreenCanvas(2 * width, 2 * height).getContext("2d", { alpha: false }),
      { x: place.x + (width >> 1), y: place.y + (height >> 1), width: 2 * width, height: 2 * height });
    if (this.#layer) context.drawImage(this.#layer.context.canvas, place.x - this.#layer.x, place.y - this.#layer.y);
    else this.#drawn(context, place);
    this.#isPanning = false;
    const left = -this.#x / scale, top = -this.#y / scale;
    this.#paintMap(KINDS[this.theme], { left, top, right: left + this.#canvas.clientWidth / scale,
      bottom: top + this.#canvas.clientHeight / scale });
    this.frames++;
  }

  // Draws what a picture shows whose pixel (x, y) is the layout's corner.
  #drawn(context, { x, y, width, height }) {
    const scale = devicePixelRatio * this.#scale;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.fillStyle = KINDS[this.theme].page;
    context.fillRect(0, 0, width, height);
    context.setTransform(scale, 0, 0, scale, x, y);
    paint(context, this.#data, this, this.theme, this.#scale,
      { left: -x / scale, top: -y / scale, right: (width - x) / scale, bottom: (height - y) / scale });
    context.setTransform(1, 0, 0, 1, 0, 0);
    return { context, x, y, width, height };
  }

  #mapScale() { return Math.min(this.#map.width / this.#data.width, this.#map.height / this.#data.height); }

  #paintMap(colours, seen) {
    const context = this.#map.getContext("2d"), scale = this.#mapScale(), left = (this.#map.width - this.#data.width * scale) / 2;
    if (this.#mapPicture?.theme !== this.theme) {
      const picture = new OffscreenCanvas(this.#map.width, this.#map.height), inner = picture.getContext("2d");
      for (const frame of this.#data.frames) {
        inner.fillStyle = colours.frames[(frame.depth + 1) % 2];
        inner.fillRect(left + frame.x * scale, frame.y * scale, frame.w * scale, frame.h * scale);
      }
      for (const box of this.#data.boxes) {
        inner.fillStyle = colours[box.kind][1];
        inner.fillRect(left + box.x * scale, box.y * scale, Math.max(1, box.w * scale), Math.max(0.6, box.h * scale));
      }
      this.#mapPicture = { theme: this.theme, picture };
    }
    context.clearRect(0, 0, this.#map.width, this.#map.height);
    context.drawImage(this.#mapPicture.picture, 0, 0);
    context.strokeStyle = colours.accent;
    context.strokeRect(left + seen.left * scale, seen.top * scale, Math.max(4, (seen.right - seen.left) * scale),
      Math.max(4, (seen.bottom - seen.top) * scale));
  }

  // The innermost thing at a point of the canvas; a frame counts by its title only.
  #at(event) {
    const x = (event.offsetX - this.#x) / this.#scale, y = (event.offsetY - this.#y) / this.#scale;
    const covers = (box, height) => x >= box.x && x <= box.x + box.w && y >= box.y && y <= box.y + height;
    return this.#data.boxes.find(box => covers(box, box.h)) ?? this.#data.frames.findLast(frame => covers(frame, 18));
  }

  #tell(type, box, event) {
    const detail = { name: box?.name ?? null, kind: box && ("depth" in box ? "frame" : box.kind), chooses: event.shiftKey };
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  // The plus or minus before the title of a module.
  #isSign(box, event) {
    // A title that was not drawn, or not yet, has no sign.
    const isFrame = box && "depth" in box;
    if (!isFrame && !(box?.kind === "module" && box.widths)) return false;
    const x = (event.offsetX - this.#x) / this.#scale;
    const left = isFrame ? box.x : box.x + (box.w - box.widths[1]) / 2 - 6;
    return x >= left && x <= left + 18;
  }

  #listen() {
    const canvas = this.#canvas;
    let from = null, moved = false;
    canvas.addEventListener("pointerdown", event => {
      [from, moved] = [{ x: event.clientX, y: event.clientY }, false];
      canvas.setPointerCapture(event.pointerId);
    });
    canvas.addEventListener("pointermove", event => {
      if (!from) return;
      const [dx, dy] = [event.clientX - from.x, event.clientY - from.y];
      if (!moved && Math.hypot(dx, dy) < 4) return;
      canvas.classList.add("moving");
      [moved, from] = [true, { x: event.clientX, y: event.clientY }];
      this.pan(dx, dy);
    });
    canvas.addEventListener("pointerup", event => {
      canvas.classList.remove("moving");
      const box = this.#at(event);
      if (from && !moved) this.#tell(this.#isSign(box, event) ? "toggle" : "pick", box, event);
      from = null;
    });
    canvas.addEventListener("dblclick", event => {
      const box = this.#at(event);
      if (box && !this.#isSign(box, event)) this.#tell("toggle", box, event);
    });
    canvas.addEventListener("wheel", event => {
      event.preventDefault();
      if (event.ctrlKey || event.metaKey) this.zoom(Math.exp(-event.deltaY / 300), event.offsetX, event.offsetY);
      else this.pan(event.shiftKey ? -event.deltaY : -event.deltaX, event.shiftKey ? 0 : -event.deltaY);
    }, { passive: false });
  }

  #listenMap() {
    const go = event => {
      if (!event.buttons) return;
      const scale = this.#mapScale(), left = (this.#map.width - this.#data.width * scale) / 2;
      const [x, y] = [(event.offsetX - left) / scale, event.offsetY / scale];
      this.#move(this.#canvas.clientWidth / 2 - x * this.#scale, this.#canvas.clientHeight / 2 - y * this.#scale, this.#scale);
    };
    this.#map.addEventListener("pointerdown", go);
    this.#map.addEventListener("pointermove", go);
  }
}
