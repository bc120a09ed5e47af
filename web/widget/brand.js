/** How the tenant wants its chat to look: its title, its colour in readable pairs, its picture. */

const INK = "#000000"; // against it or white every colour has 4.5 at least
const PAPER = "#ffffff";
const READABLE = 4.5; // WCAG 2.2, text of any size

/** The branding `{title, color, logo_url}`; nothing where it cannot be had: a chat without colours is a chat. */
export async function brandingOf(client, { server, site, token }) {
  const signedIn = token || document.cookie.includes("desk_csrf=");
  try {
    if (!site && !signedIn) return {};
    if (!site || token) return (await (await client.request("/api/v1/me", { method: "GET" })).json()).branding;
    const url = new URL("/api/v1/widget/branding", server);
    url.searchParams.set("site_key", site);
    const response = await fetch(url, { credentials: "omit" });
    return response.ok ? await response.json() : {};
  } catch {
    return {};
  }
}

/** Colours for a background and for text, each with what can be read on it: custom properties by name. */
export function colorsOf(color) {
  if (!/^#[0-9a-f]{6}$/i.test(color ?? "")) return {};
  return {
    "--brand": color,
    "--on-brand": contrast(color, PAPER) >= contrast(color, INK) ? PAPER : INK,
    "--brand-text": contrast(color, PAPER) >= READABLE ? color : INK,
  };
}

function contrast(one, other) {
  const [light, dark] = [luminance(one), luminance(other)].sort((a, b) => b - a);
  return (light + 0.05) / (dark + 0.05);
}

/** Relative luminance as WCAG defines it, 0 to 1. */
function luminance(color) {
  const [red, green, blue] = [1, 3, 5].map((at) => {
    const part = parseInt(color.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
