/** Files that come from the API and go to the browser's downloads. */

import { client } from "/playground/api.js";

/** Fetches `path` as who is signed in and keeps it under `name`; throws the refusal, so that it can be told. */
export async function download(path, name) {
  const response = await client.request(path, { method: "GET" });
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(await response.blob()), download: name });
  link.click();
  URL.revokeObjectURL(link.href);
}
