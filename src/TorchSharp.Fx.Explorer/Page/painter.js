// Draws the part of a layout that is seen. From far away it leaves out what nobody could see.

export const KINDS = {
  light: {
    placeholder: ["#d3f0dd", "#4c9a6a"], get_attr: ["#fbe9b7", "#b58b1b"], call_function: ["#d6e6fb", "#4f7fbf"],
    call_method: ["#cdeeee", "#3a9191"],
    call_module: ["#e3dcf7", "#7f68bd"], module: ["#e9e3fa", "#5f47a5"], output: ["#fbd9d3", "#c0604d"],
    frames: ["#f6f7f9", "#eceff3"], frame: "#c5ccd4", edge: "#7b8794", text: "#1f2933", muted: "#61707f", page: "#ffffff",
    accent: "#1f6feb", hit: "#d97706",
  },
  dark: {
    placeholder: ["#1e3b2a", "#63b784"], get_attr: ["#43381a", "#d0a93c"], call_function: ["#1f324d", "#6f9fdf"],
    call_method: ["#173c3c", "#57b3b3"],
    call_module: ["#322a50", "#9d86dd"], module: ["#3a3060", "#b6a2f0"], output: ["#4a2620", "#e08673"],
    frames: ["#1a2029", "#222a35"], frame: "#3b4757", edge: "#7d8997", text: "#e3e8ee", muted: "#9aa7b5", page: "#12161c",
    accent: "#6ea8fe", hit: "#f0a13a",
  },
};
const FONT = "Inter, 'Segoe UI', Helvetica, Arial, 'DejaVu Sans', sans-serif";
// The scales from which titles, and the borders of boxes, can be seen.
export const READABLE = 0.42;
const BORDERED = 0.12;
// How far marks and the shapes beside lines reach out of their boxes.
const ASIDE = 100, BELOW = 14;

// data: a layout; marks: { hits, chosen, selected }; seen: what is to be drawn, in the layout's pixels.
export function paint(context, data, marks, theme, scale, seen) {
  const colours = KINDS[theme], isReadable = scale > READABLE;
  const inside = box => box.x - ASIDE < seen.right && box.x + box.w + ASIDE > seen.left
    && box.y - BELOW < seen.bottom && box.y + box.h + BELOW > seen.top;
  const frames = data.frames.filter(inside), boxes = data.boxes.filter(inside);
  paintFrames(context, colours, frames, isReadable, scale);
  if (isReadable) paintLines(context, colours, data.lines, seen);
  else paintFarLines(context, colours, data.lines, seen, scale);
  if (isReadable) paintBoxes(context, colours, boxes);
  else paintFarBoxes(context, colours, boxes, scale);
  for (const box of [...frames, ...boxes]) mark(context, colours, box, marks, scale);
}

function paintFrames(context, colours, frames, isReadable, scale) {
  context.lineWidth = Math.max(1, 0.5 / scale);
  for (const frame of frames) {
    context.fillStyle = colours.frames[(frame.depth + 1) % 2];
    context.strokeStyle = colours.frame;
    context.fillRect(frame.x, frame.y, frame.w, frame.h);
    context.strokeRect(frame.x, frame.y, frame.w, frame.h);
    if (!isReadable) continue;
    context.textAlign = "left";
    context.font = `11px ${FONT}`;
    context.fillStyle = colours.text;
    context.fillText(`− ${frame.title}`, frame.x + 7, frame.y + 13);
    const width = context.measureText(`− ${frame.title}`).width;
    context.fillStyle = colours.muted;
    context.fillText(frame.detail, frame.x + 13 + width, frame.y + 13);
  }
}

const isSeen = ([x1, y1, , x2, , y2], seen) =>
  y2 >= seen.top && y1 <= seen.bottom && Math.max(x1, x2) >= seen.left && Math.min(x1, x2) <= seen.right;

function paintLines(context, colours, lines, seen) {
  context.strokeStyle = context.fillStyle = colours.edge;
  context.lineWidth = 1;
  const arrows = [];
  context.beginPath();
  for (const line of lines) {
    if (!isSeen(line, seen)) continue;
    const [x1, y1, leave, x2, arrive, y2, hasArrow] = line, middle = (leave + arrive) / 2;
    context.moveTo(x1, y1);
    if (Math.abs(x1 - x2) > 0.2) {
      context.lineTo(x1, leave);
      context.bezierCurveTo(x1, middle, x2, middle, x2, arrive);
    }
    context.lineTo(x2, y2);
    if (hasArrow) arrows.push([x2, y2]);
  }
  context.stroke();
  context.beginPath();
  for (const [x, y] of arrows) {
    context.moveTo(x, y);
    context.lineTo(x - 3, y - 6);
    context.lineTo(x + 3, y - 6);
  }
  context.fill();
}

// Most lines are upright. A rectangle is drawn faster than a path, and a line shorter than a pixel not at all.
function paintFarLines(context, colours, lines, seen, scale) {
  const width = Math.max(1, 0.6 / scale);
  context.strokeStyle = context.fillStyle = colours.edge;
  context.lineWidth = width;
  context.beginPath();
  for (const line of lines) {
    const [x1, y1, leave, x2, arrive, y2] = line, aside = Math.abs(x1 - x2);
    if (Math.max(y2 - y1, aside) * scale < 1 || !isSeen(line, seen)) continue;
    if (aside * scale < 0.5) {
      context.fillRect(x1 - width / 2, y1, width, y2 - y1);
      continue;
    }
    context.moveTo(x1, y1);
    context.lineTo(x1, leave);
    context.lineTo(x2, arrive);
    context.lineTo(x2, y2);
  }
  context.stroke();
}

function paintBoxes(context, colours, boxes) {
  context.lineWidth = 1;
  for (const [kind, some] of Map.groupBy(boxes, box => box.kind)) {
    [context.fillStyle, context.strokeStyle] = colours[kind];
    context.beginPath();
    for (const box of some) context.roundRect(box.x, box.y, box.w, box.h, 5);
    context.fill();
    context.stroke();
  }
  for (const box of boxes) caption(context, colours, box);
}

function paintFarBoxes(context, colours, boxes, scale) {
  const border = Math.max(1, 0.5 / scale), hasBorder = scale > BORDERED;
  for (const [kind, some] of Map.groupBy(boxes, box => box.kind)) {
    const [fill, line] = colours[kind];
    context.fillStyle = line;
    for (const box of some) context.fillRect(box.x, box.y, box.w, box.h);
    context.fillStyle = fill;
    if (hasBorder) for (const box of some) context.fillRect(box.x + border, box.y + border, box.w - 2 * border, box.h - 2 * border);
  }
}

function caption(context, colours, box) {
  const title = box.kind === "module" ? `+ ${box.title}` : box.title;
  box.widths ??= widthsOf(context, title, box.detail);
  const [titleWidth, all] = box.widths, left = box.x + (box.w - all) / 2, middle = box.y + box.h / 2 + 4;
  context.textAlign = "left";
  context.font = `12px ${FONT}`;
  context.fillStyle = colours.text;
  context.fillText(title, left, middle);
  context.fillStyle = colours.muted;
  if (box.detail) {
    context.font = `11px ${FONT}`;
    context.fillText(box.detail, left + titleWidth + 6, middle);
  }
  if (box.label) {
    context.font = `9.5px ${FONT}`;
    context.fillText(box.label, box.x + box.w / 2 + 6, box.y + box.h + 10);
  }
}

function widthsOf(context, title, detail) {
  context.font = `12px ${FONT}`;
  const width = context.measureText(title).width;
  context.font = `11px ${FONT}`;
  return [width, width + (detail ? 6 + context.measureText(detail).width : 0)];
}

function mark(context, colours, box, { hits, chosen, selected }, scale) {
  const ways = [[hits.has(box.name), colours.hit, 1.5, 2, []], [chosen.has(box.name), colours.accent, 1.5, 4, [4, 3]],
    [selected === box.name, colours.accent, 2.5, 0, []]];
  for (const [isMarked, colour, width, away, dash] of ways) {
    if (!isMarked) continue;
    context.strokeStyle = colour;
    context.lineWidth = Math.max(width, 2 / scale);
    context.setLineDash(dash);
    context.strokeRect(box.x - away, box.y - away, box.w + 2 * away, box.h + 2 * away);
    context.setLineDash([]);
  }
}
