// Questions to the server. A refusal is an Error with the server's sentence.

async function answer(response) {
  if (response.ok) return response;
  const told = await response.json().catch(() => ({ error: `The server answered ${response.status}.` }));
  throw new Error(told.error);
}

async function ask(path, options) {
  let response;
  try {
    response = await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error("The server does not answer: is torchfx explore still running?");
  }
  return answer(response);
}

export const address = (path, query) => `/api/${path}?${new URLSearchParams(
  Object.entries(query ?? {}).filter(([, value]) => value !== undefined && value !== null && value !== ""))}`;

export const get = async (path, query, signal) => (await ask(address(path, query), { signal })).json();

export const post = async (path, query, body) => (await ask(address(path, query), {
  method: "POST", body: JSON.stringify(body), headers: { "Content-Type": "application/json" },
})).json();

export const upload = async file => (await ask(address("upload", { name: file.name }), { method: "POST", body: file })).json();

// A picture as an address of this page's own, so that a refusal is told like any other.
export const picture = async (query, signal) => URL.createObjectURL(await (await ask(address("picture", query), { signal })).blob());

export async function save(path, query) {
  const response = await ask(address(path, query));
  const name = decodeURIComponent(response.headers.get("Content-Disposition").split("''")[1]);
  const link = el("a", { href: URL.createObjectURL(await response.blob()), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

// An element; text is always text, never markup.
export function el(name, properties, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(properties ?? {}))
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (key in element && key !== "list") element[key] = value;
    else element.setAttribute(key, value);
  element.append(...children.flat().filter(child => child !== null && child !== undefined));
  return element;
}
